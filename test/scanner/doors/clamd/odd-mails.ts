/** A file in yEnc, as news readers and some mail programs open it (yEnc draft 1.3). */
export function yEncoded(name: string, content: string): string {
  const characters = Array.from(Buffer.from(content, 'latin1'), (byte) => {
    const code = (byte + 42) & 255
    const isCritical = code === 0 || code === 10 || code === 13 || code === 61
    return isCritical ? `=${String.fromCharCode((code + 64) & 255)}` : String.fromCharCode(code)
  })
  const size = content.length
  return `=ybegin line=128 size=${size} name=${name}\n${characters.join('')}\n=yend size=${size}\n`
}
