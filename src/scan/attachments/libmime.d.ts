/** The types of libmime 5, as far as it is used here: the package has none. */
declare module 'libmime' {
  const libmime: {
    /** Decodes the encoded words of RFC 2047 in a text. */
    decodeWords(text: string): string
    /** Decodes the text of one encoded word. */
    decodeWord(charset: string, encoding: 'B' | 'Q', text: string): string | Buffer
  }
  export default libmime
}
