/** Roots of the unpacked packages of Sendmail and Exim. */
export const sendmailRoot: string
export const eximRoot: string
/** Where the programs are, once they are unpacked. */
export const sendmailProgram: string
export const opensmtpdProgram: string
/** Fetches and unpacks those that are missing; returns what to tell, a line for each. */
export function unpackServers(): string[]
