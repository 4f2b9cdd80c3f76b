// Device numbers as the C library packs them (makedev(3)).

/** Major and minor of a packed device number. */
export function deviceNumber(packed: number): { major: number; minor: number } {
  const bits = BigInt(packed)
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n)
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n)
  return { major: Number(major), minor: Number(minor) }
}
