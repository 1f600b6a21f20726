import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  base64,
  multipart,
  part,
  quotedPrintableText,
} from '../../scanner/scan/scanners/evasions/compose.ts'
import { keptMail } from './kept.ts'

/** Messages of sizes that nobody wants to keep: each by what it is, made when it is asked for. */
export const made: Readonly<Record<string, () => Buffer>> = {
  'a text, HTML and a PDF, 80 KiB in all': () => letter(invoice(56_000)),
  'a text, HTML and a PDF, 1.9 MB in all': () => letter(invoice(1_400_000)),
  'opaque S/MIME with a PDF, 7 KB in all': () => opaque(invoice(1_500)),
  'opaque S/MIME with a PDF, 100 KB in all': () => opaque(invoice(52_000)),
  'opaque S/MIME with a PDF, 1.9 MB in all': () => opaque(invoice(1_030_000)),
  'opaque S/MIME of opaque S/MIME with a PDF': () => {
    return smime(opaque(invoice(1_500)).toString('latin1'), OPAQUE)
  },
  'certified mail (PEC) in opaque S/MIME': () => {
    const [, mail = ''] = /\n------C.*?\n(.*?)\n------C/s.exec(keptMail('pec-small')) ?? []
    return smime(mail, OPAQUE)
  },
  'S/MIME with a PDF, 100 KB in all, signed': () => smime(content(invoice(70_000)), []),
}

const FROM = 'Anna Berg <anna@example.org>'
const TO = 'Ben Holm <ben@example.net>'
const SUBJECT = 'Rechnung'
const HTML = `<html><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8"></head>
<body><p>Guten Tag,</p><p>anbei die Rechnung, Summe 12 \u20ac.</p></body></html>
`

/** The form of a PDF around this many bytes that no program can compress, the same each time. */
function invoice(size: number): Buffer {
  const noise: Buffer[] = []
  for (let at = 0; at < size; at += 64) {
    noise.push(createHash('sha512').update(String(at)).digest())
  }
  return Buffer.concat([
    Buffer.from(`%PDF-1.4\n1 0 obj\n<< /Length ${size} >>\nstream\n`),
    Buffer.concat(noise, size),
    Buffer.from('\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n'),
  ])
}

/** A text, HTML and a file as Thunderbird sends them, from the first field about content. */
function content(file: Buffer): string {
  const alternative = multipart(
    'alternative',
    [text('plain', 'Guten Tag,\n\nanbei die Rechnung, Summe 12 \u20ac.\n'), text('html', HTML)],
    { boundary: '------------alternative' },
  )
  const fields = [
    'Content-Type: application/pdf; name="Rechnung.pdf"',
    'Content-Disposition: attachment; filename="Rechnung.pdf"',
    'Content-Transfer-Encoding: base64',
  ]
  return multipart('mixed', [alternative, part(fields, base64(file))], {
    boundary: '------------mixed',
  })
}

function text(subtype: string, lines: string): string {
  const fields = [
    `Content-Type: text/${subtype}; charset=UTF-8`,
    'Content-Transfer-Encoding: quoted-printable',
  ]
  return part(fields, quotedPrintableText(Buffer.from(lines)))
}

function letter(file: Buffer): Buffer {
  const top = `From: ${FROM}\nTo: ${TO}\nSubject: ${SUBJECT}\nMIME-Version: 1.0\n`
  return Buffer.from(`${top}${content(file)}`, 'latin1')
}

const OPAQUE = ['-nodetach']
const opaque = (file: Buffer) => smime(content(file), OPAQUE)

/** What openssl(1) makes of it, in the one kind of line end that a mail server passes on. */
function smime(entity: string, words: readonly string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-smime-'))
  const openssl = (command: readonly string[], input = '') =>
    execFileSync('openssl', command, {
      cwd: directory,
      input: Buffer.from(input, 'latin1'),
      maxBuffer: 16 * 1024 * 1024,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
  try {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const files = ['-keyout', 'key.pem', '-out', 'certificate.pem']
    openssl(['req', '-x509', ...key, ...files, '-subj', '/CN=Anna Berg'])
    const by = ['-signer', 'certificate.pem', '-inkey', 'key.pem']
    const fields = ['-from', FROM, '-to', TO, '-subject', SUBJECT]
    const mail = openssl(['cms', '-sign', ...words, ...by, ...fields], entity)
    return Buffer.from(mail.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
