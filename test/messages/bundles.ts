import { LF } from '../../src/base/bytes/ascii.ts'

/** What people make of many messages. Lines end in LF. */

const TOP =
  'From: help@example.org\nTo: desk@example.net\nDate: Sun, 29 Nov 2026 09:00:00 +0000\nSubject: bundle\nMIME-Version: 1.0\n'

/** How messages are bundled, each in one message or, as a mailbox, in a file. */
export const bundles = {
  forwards: (mails) =>
    multipart('mixed', [
      'Content-Type: text/plain\n\nsee below\n',
      ...mails.map((mail, n) => joined(`Content-Type: message/rfc822; name="m${n}.eml"\n\n`, mail)),
    ]),
  digest: (mails) => multipart('digest', ['\n', ...mails.map((mail) => joined('\n', mail))]),
  'attached files': (mails) =>
    multipart(
      'mixed',
      mails.map((mail, n) => attachedFile(mail, `m${n}.eml`)),
    ),
  'an attached mailbox': (mails) => attached(mailbox(mails), 'mbox'),
  mailbox,
} as const satisfies Record<string, (mails: readonly Buffer[]) => Buffer>

/** Writers of mailboxes put an empty line below each message (RFC 4155). */
function mailbox(mails: readonly Buffer[]): Buffer {
  return joined(
    ...mails.flatMap((mail) => {
      const end = mail.at(-1) === LF ? '\n' : '\n\n'
      return ['From a@example.org Mon Sep 17 00:00:00 2001\n', mail, end]
    }),
  )
}

/** Returns an ordinary message with a file attached in base64. */
export function attached(content: Buffer, name: string): Buffer {
  const text = 'Content-Type: text/plain\n\nsee the file\n'
  return multipart('mixed', [text, attachedFile(content, name)])
}

function attachedFile(content: Buffer, name: string): string {
  const lines = content.toString('base64').replace(/.{76}/g, '$&\n')
  const type = /\.(?:txt|po|templates)$/.test(name) ? 'text/plain' : 'application/octet-stream'
  return `Content-Type: ${type}; name="${name}"\nContent-Disposition: attachment; filename="${name}"\nContent-Transfer-Encoding: base64\n\n${lines}\n`
}

function multipart(subtype: string, parts: readonly (string | Buffer)[]): Buffer {
  const boundary = '=_bundle_77'
  return joined(
    `${TOP}Content-Type: multipart/${subtype}; boundary="${boundary}"\n\n`,
    ...parts.flatMap((part) => [`--${boundary}\n`, part, '\n']),
    `--${boundary}--\n`,
  )
}

function joined(...pieces: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
}
