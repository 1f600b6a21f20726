/** What is typed in the first hour, and where it stands to be read. */

export type Step =
  /** As a page of this project has it, to the letter. */
  | {
      readonly page: string
      readonly type: string
      readonly needs?: 'network'
      readonly expect?: RegExp
    }
  /** As the output before it has it: the first group of each match. */
  | { readonly printed: RegExp }
  /** What the reader does by himself: sends mail, looks at a file. */
  | {
      readonly self: string
      readonly needs?: 'network'
      readonly expect?: RegExp
      /** If it came out as expected, a message was scanned on its way. */
      readonly shows?: 'a scanned mail'
    }
  /** What the place is like that the reader comes to. Not printed. */
  | { readonly place: string; readonly network?: true }

export const README = 'README.md'
export const INSTALL = 'doc/install.md'

/** A client at another host's address. Mail that nobody scans is taken, too: 250 shows nothing. */
export const send = (what: 'clean' | 'eicar', expect: RegExp): Step => ({
  self: `send 198.51.100.7 ${what}`,
  expect,
  ...(what === 'eicar' && !expect.test('250 ') ? { shows: 'a scanned mail' } : {}),
})

export const restart = (service: string): Step => ({
  page: INSTALL,
  type: `svc -t /service/${service}`,
})

/** In the place of a look at the log by somebody who waits for a service. */
export const settle: Step = { place: 'sleep 3' }
