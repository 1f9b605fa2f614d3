/** Whether what stands under this name (a header, a query parameter) is to be kept secret, whoever wrote it. */
export function looksSecret(name: string): boolean {
  return /auth|token|key|secret|pass|sig|cookie|credential|session/i.test(name);
}
