export async function jobMain(_url: string): Promise<void> {}
