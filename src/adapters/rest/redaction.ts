import { looksSecret } from '../../core/secret-names.ts';

/** Secrets that must not stand in a message: as they are, percent-encoded, and in base64. */
export class Redaction {
  readonly #forms = new Set<string>();

  add(secret: string): void {
    // Shorter values cannot be told from ordinary text.
    if (secret.length < 4) return;
    const base64 = Buffer.from(secret).toString('base64');
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64])
      this.#forms.add(form);
    this.#forms.add(base64.replaceAll(/=+$/g, ''));
    this.#forms.add(Buffer.from(secret).toString('base64url'));
  }

  text(text: string): string {
    let result = text;
    // Longest first, so that a secret that contains another one goes as a whole.
    for (const form of [...this.#forms].toSorted((a, b) => b.length - a.length))
      result = result.replaceAll(form, '***');
    return result;
  }

  /** Without user info; values of the job's own parameters and of names that sound secret are masked. */
  url(url: URL, ownParameters: ReadonlySet<string>): string {
    const pairs = [...url.searchParams].map(([name, value]) => {
      const hidden = ownParameters.has(name) || looksSecret(name);
      return `${encodeURIComponent(name)}=${hidden ? '***' : encodeURIComponent(value)}`;
    });
    return this.text(`${url.origin}${url.pathname}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`);
  }
}

/** The first characters of a body, on one line. */
export function excerpt(body: Uint8Array, characters = 200): string {
  const text = new TextDecoder().decode(body.subarray(0, characters * 4));
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > characters ? `${line.slice(0, characters)}…` : line;
}
