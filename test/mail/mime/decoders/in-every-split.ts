import { type Decoder, decoderRoom, type Give } from '../../../../src/mail/mime/decoders/decoder.ts'

/** All that a decoder makes of a text (latin1) that comes in two pieces, cut at each place. */
export function inEverySplit(
  text: string,
  make: (give: Give, room: Buffer) => Decoder,
): Set<string> {
  const bytes = Buffer.from(`#${text}#`, 'latin1') // the bytes around the text do not belong to it
  const results = new Set<string>()
  for (let cut = 1; cut <= text.length + 1; cut++) {
    let result = ''
    const decoder = make((given, length) => {
      if (length === 0) throw new Error('a decoder gave nothing')
      result += given.toString('latin1', 0, length)
    }, decoderRoom())
    decoder.push(bytes, 1, cut)
    decoder.push(bytes, cut, bytes.length - 1)
    decoder.end()
    results.add(result)
  }
  return results
}
