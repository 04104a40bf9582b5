/** The longest name a set may have: the kernel keeps 32 bytes, the last of them zero. */
export const MAX_SET_NAME = 31;

/** Why a text can be no name of a set, or undefined if it can. */
export function whyNoSetName(name: string): string | undefined {
  if (name.length > MAX_SET_NAME) return `is longer than ${MAX_SET_NAME} characters`;
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name))
    return 'is not made of letters, digits, "_", "." and "-" (not first)';
  return undefined;
}

/** The set that a replacement is built in before it is swapped in. */
export function temporarySetName(name: string): string {
  return suffixed(name, '-tmp');
}

/** The set by which the rules know that the daemon is alive. */
export function aliveSetName(name: string): string {
  return suffixed(name, '-alive');
}

function suffixed(name: string, suffix: string): string {
  const plain = name + suffix;
  // Where that is too long the end of the name gives way to a hash of the whole.
  if (plain.length <= MAX_SET_NAME) return plain;
  const hash = fnv1a(name).toString(16).padStart(8, '0');
  return `${name.slice(0, MAX_SET_NAME - suffix.length - hash.length - 1)}.${hash}${suffix}`;
}

/** FNV-1a, 32 bits: spreads names that differ in their last characters only. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash;
}
