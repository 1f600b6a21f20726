/** Returns a text in which mail programs find no link: dots, colons and slashes of names are in brackets. */
export const bracketed = (text: string): string =>
  text.replace(/[.:\u3002\uff0e\uff61](?=\S)|\\(?=\\)|\/(?=\/)/g, '[$&]')

/** Returns a text that was copied from one with brackets as it was written. */
export const unbracketed = (text: string): string =>
  text.replace(/\[([.:\u3002\uff0e\uff61\\/])\]/g, '$1')
