/**
 * Characters that control a terminal, that no reader sees, or that make a terminal or browser show something else. These are
 * control characters except line end and tab, formatting characters such as Unicode's bidi controls, and
 * those that Unicode lets every program ignore (Default_Ignorable_Code_Point). Persian needs U+200C between letters, and
 * emoji need U+200D between them and U+FE0F after them.
 */
const ACTIVE =
  /(?![\n\t])(?!(?<=[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}]|\ufe0f)(?:\u200c|\u200d)(?=[\p{L}\p{M}\p{Extended_Pictographic}]))(?!(?<=\p{Extended_Pictographic})\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}\p{Cs}]/gu

/**
 * Makes the text of a stranger safe to show, in a terminal or on a page: names of files, addresses, headers and errors may
 * hold escape sequences, which a terminal would carry out. JSON keeps its meaning.
 */
export function harmlessText(text: string): string {
  return text.replace(ACTIVE, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** Does the same with text that must stay within its line: line ends and tabs are escaped, too. */
export function harmlessLine(text: string): string {
  return harmlessText(text.replace(/[\n\t]/g, (sign) => (sign === '\n' ? '\\n' : '\\t')))
}
