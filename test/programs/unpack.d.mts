/** Root of the unpacked packages of Sendmail. */
export const sendmailRoot: string
/** Where the programs are, once they are unpacked. */
export const sendmailProgram: string
export const eximProgram: string
export const opensmtpdProgram: string
/** Fetches and unpacks those that are missing; returns what to tell, a line for each. */
export function unpackServers(): string[]
