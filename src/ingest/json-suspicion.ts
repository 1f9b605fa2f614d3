/** Whether valid JSON text could fool a JSON reader: found out in one pass, so that only such a text needs the slower, exact look. */

/** What could make a JSON reader read something else than what stands there; found in one pass over the text. */
export interface Suspicion {
  /** A number of 16 digits (the dot included) or with an exponent: a double may not hold it as written. */
  longNumber: boolean;
  surrogateEscape: boolean;
  spaceBeforeColon: boolean;
  /** Names with a colon right behind them. */
  nameEnds: number;
  /** Levels of objects and arrays at the deepest place. */
  depth: number;
}

export const LONG_NUMBER = /\d[\d.]{15}|\d[eE]/;

const suspicion: Suspicion = {
  longNumber: false,
  surrogateEscape: false,
  spaceBeforeColon: false,
  nameEnds: 0,
  depth: 0,
};

/** `text` is valid JSON. The object is one for all records, since this runs once per record: it stands until the next call. */
export function scan(text: string): Readonly<Suspicion> {
  let run = 0;
  let previous = 0;
  let inText = false;
  let longNumber = false;
  let surrogateEscape = false;
  let spaceBeforeColon = false;
  let nameEnds = 0;
  let level = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === 34) inText = false;
      else if (code === 92) {
        at++;
        if (text.charCodeAt(at) === 117 && (text.charCodeAt(at + 1) | 32) === 100) surrogateEscape = true;
      }
    } else if ((code >= 48 && code <= 57) || code === 46) {
      if (++run >= 16) longNumber = true;
    } else {
      if (code === 34) inText = true;
      else if (code === 58) {
        if (previous === 34) nameEnds++;
        else spaceBeforeColon = true;
      } else if (code === 123 || code === 91) {
        if (++level > depth) depth = level;
      } else if (code === 125 || code === 93) level--;
      else if ((code === 101 || code === 69) && run > 0) longNumber = true;
      run = 0;
    }
    previous = code;
  }
  suspicion.longNumber = longNumber;
  suspicion.surrogateEscape = surrogateEscape;
  suspicion.spaceBeforeColon = spaceBeforeColon;
  suspicion.nameEnds = nameEnds;
  suspicion.depth = depth;
  return suspicion;
}

/** Whether an escape in valid JSON text stands for half of a surrogate pair without its other half. */
export function hasLoneSurrogate(text: string): boolean {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    if (text[at + 1] !== 'u') {
      at += 2;
      continue;
    }
    const unit = Number.parseInt(text.slice(at + 2, at + 6), 16);
    at += 6;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const low = text.startsWith('\\u', at) ? Number.parseInt(text.slice(at + 2, at + 6), 16) : 0;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return true;
    at += 6;
  }
  return false;
}
