/**
 * Quotes text from another account as one word of sh(1), so that an administrator can paste the command
 * safely.
 */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
