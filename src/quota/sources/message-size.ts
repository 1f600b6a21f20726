/**
 * Whether a file name of `new` or `cur` counts, and as how many bytes: `,S=NNN` where it is
 * there and well formed (maildirquota(7)), else undefined, and the file must be asked.
 */
export function sizeByName(name: string): number | undefined {
  const [, digits] = /,S=(\d{1,15})(?:[:,]|$)/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Neither dot files nor messages that are marked as trash (flag T behind `:2,`). */
export function counts(name: string): boolean {
  if (name.startsWith('.')) return false
  const flags = name.lastIndexOf(':2,')
  return flags < 0 || !name.includes('T', flags + 3)
}
