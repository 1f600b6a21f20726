/** Root of the unpacked packages. */
export const sendmailRoot: string
/** Where the program is, once it is unpacked. */
export const sendmailProgram: string
/** Fetches and unpacks it where it is missing; returns what to tell, a line. */
export function installSendmail(): string
