/** What is done for a message, in its order; the first room whose folders hold a file is that file's. */
export const ROOMS: readonly { readonly title: string; readonly folders: readonly string[] }[] = [
  {
    title: 'receive the message, answer the client',
    folders: [
      'src/scanner/doors/',
      'src/scanner/serving/',
      'src/scanner/protocol/milter/',
      'src/base/protocol/connection/',
      'src/base/net/',
      'src/mail/message/intake.ts',
      'src/mail/message/crlf-reader.ts',
      'src/mail/message/spool.ts',
      'src/mail/message/bytes.ts',
    ],
  },
  {
    title: 'read the header',
    folders: ['src/mail/message/', 'src/mail/mime/headers/', 'src/base/text/'],
  },
  { title: 'read the parts', folders: ['src/mail/', 'src/base/bytes/'] },
  { title: 'stamps', folders: ['src/scanner/scan/stamps/'] },
  {
    title: 'verdicts on copies, memory of the host',
    folders: ['src/scanner/scan/verdicts/', 'src/scanner/scan/crash-guard/'],
  },
  {
    title: 'permits, deadlines, timers',
    folders: ['src/scanner/scan/scanners/permits/', 'src/base/flow/'],
  },
  { title: 'talk with clamd', folders: ['src/scanner/scan/scanners/', 'src/scanner/protocol/'] },
  {
    title: 'judge the message',
    folders: ['src/scanner/scan/', 'src/scanner/handling/', 'src/scanner/configuration/'],
  },
  { title: 'log and figures', folders: ['src/scanner/log/', 'src/scanner/observe/', 'src/base/'] },
  { title: 'clean up memory', folders: ['(clean-up of memory)'] },
  { title: 'the rest, and the runtime alone', folders: [''] },
]

/** The title of the room of a file of the source. */
export function roomOf(file: string): string {
  return ROOMS.find(({ folders }) => folders.some((folder) => file.startsWith(folder)))!.title
}
