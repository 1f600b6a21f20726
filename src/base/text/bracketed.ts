/**
 * Dots in what mail programs may turn into a link: before the letters of a top-level domain, behind `www` or `ftp`, and in an
 * IPv4 address. Colons, except in times. Dots of other scripts, and slashes that begin a path.
 */
const LINKED =
  /(?<=\b(?:www|ftp))\.(?=\S)|\.(?=[\p{L}\p{M}]{2})|\.(?=\d+\.\d+\.\d)|(?<=\D):(?=\S)|(?<=\d):(?=[^\s\d])|[\u3002\uff0e\uff61](?=\S)|\\(?=\\)|\/(?=\/)/giu

/** A file whose name no mail program takes for a domain: its end is the name of no top-level domain. */
const FILE =
  /^[^.:/\\@\s]+\.(?:7z|bat|bmp|csv|docm|docx?|exe|gif|hta|html?|ics|img|iso|jar|jpe?g|js|lnk|odt|pdf|png|pptx?|rar|rtf|scr|tar|txt|vbs|xlsm|xlsx?|xml)$/i

/** Returns a text in which mail programs find no link: in a text that could be one, some characters are in brackets. */
export const bracketed = (text: string): string =>
  FILE.test(text) ? text : text.replace(LINKED, '[$&]')

/** Returns a text that was copied from one with brackets as it was written. */
export const unbracketed = (text: string): string =>
  text.replace(/\[([.:\u3002\uff0e\uff61\\/])\]/g, '$1')
