/** Bytes of a file that isExecutable reads. */
export const MAGIC_LENGTH = 64

/** The first four bytes of ELF, of Mach-O (32 and 64 bits, both byte orders, universal), and of a Java class. */
const magic = new Set([0x7f454c46, 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe])

/** Whether a file that begins with these bytes is a program for Windows, Unix, macOS or Java. */
export function beginsExecutable(start: Buffer): boolean {
  if (start.length < 4) return false
  if (magic.has(start.readUInt32BE(0))) return true
  // A text may begin with "MZ", too; the header of a program has zeros where text has none.
  return start.toString('latin1', 0, 2) === 'MZ' && start.includes(0)
}
