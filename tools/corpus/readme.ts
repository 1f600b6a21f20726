import { evasions } from '../../test/scanner/scan/scanners/evasions/all.ts'
import type { ListedMessage, Manifest } from './manifest.ts'

/** What the messages of each kind play with. */
const about: Readonly<Record<string, string>> = {
  structure: 'boundaries and delimiters, line ends, and where headers begin and end',
  types: 'the type of the part, and texts as they stand',
  fields: 'how Content-Type, Content-Transfer-Encoding and Content-Disposition are written',
  base64: 'base64 with other characters, odd padding or odd lines',
  'quoted-printable': 'escapes and soft line breaks that programs decode differently',
  uuencode: 'uuencode in parts that declare it and in texts, with odd begin lines and lengths',
  'encodings in text': 'yEnc, BinHex and base64 in the middle of a text',
  charsets: 'character sets, which change the bytes of a saved text',
  containers: 'S/MIME, OpenPGP, TNEF, calendars and address books',
  'whole files': 'files that only a digest of the whole file knows, so that each byte matters',
  'format=flowed': 'lines that are joined when the text is saved (RFC 3676)',
  'left to the whole': 'what all readers open, and libclamav alone does not find in the message',
  'mails within': 'attached messages, mailboxes and archives, one in another',
  limits: 'more, longer or deeper than a scanner may read',
}
const AS_FORM_DATA = / as form-data$/

/** `README.md` of the corpus, for people who do not know onescan. */
export function readmeOf(manifest: Manifest): string {
  const { messages, hidden, readers, onescan, clamd } = manifest
  const hiding = messages.filter(({ group }) => group === 'hiding')
  const ordinary = messages.filter(({ group }) => group === 'ordinary')
  const opened = hiding.filter(({ openedBy }) => openedBy.length > 0)
  const decoded = hiding.filter(({ hides }) => hides.length > 0)
  return `# Messages that hide a file from virus scanners

Each of the ${count(hiding)} messages in \`hiding/\` carries a file that some mail program opens. A scanner may read the
message differently: it calls it clean, and the recipient opens the file. The ${count(ordinary)} messages in \`ordinary/\` are
the control group: mail of ordinary programs, which hides nothing. No scanner should refuse them.

They come from the tests of onescan ${onescan} (MIT license), but you need no onescan to use them. The files are harmless:
the EICAR test file, an archive that contains it, and files that were made up. A virus scanner on your machine may
remove some of the messages.

## Files

| path | content |
| --- | --- |
| \`hiding/KIND/NAME.eml\` | a message that hides a file. Its lines end in LF, as in a Maildir |
| \`ordinary/NAME.eml\` | an ordinary message |
| \`hidden/\` | the ${hidden.length} files that are hidden in the messages |
| \`database/\` | signatures of these files for ClamAV. Some match only the digest of the whole file |
| \`manifest.json\` | a list of all messages and hidden files |

In \`manifest.json\`, \`messages\` has an entry for each message, with these fields. Paths are relative to this folder.

| field | meaning |
| --- | --- |
| \`name\` | what is odd about the message, in words. No two messages have the same name |
| \`group\` | \`hiding\` or \`ordinary\` |
| \`kind\` | what the message plays with, as in the table below |
| \`file\`, \`size\`, \`sha256\` | its path, its size in bytes and its digest |
| \`hides\` | the names of the hidden files that onescan decodes from it: mostly one, or a text in two line ends. Empty if not known (${hiding.length - decoded.length} messages) |
| \`openedBy\` | programs that open the hidden file, if need be with lines that end in CR LF. Empty if not known (${hiding.length - opened.length} messages) |
| \`clamd\` | \`clean\`, or the name that clamd reported. Null if clamd was not asked |

\`hidden\` lists the hidden files with \`name\`, \`file\`, \`size\` and \`sha256\`. \`manifest\` is the version of this format.

These programs were asked to open each message: ${readers.join(', ') || 'none'}. \`openedBy\` also has programs that were not
asked, where the tests name them.

## What clamd reports

${
  'missing' in clamd
    ? `clamd was not asked: ${clamd.missing}.`
    : `These are the answers of ${clamd.version} with the signatures of \`database/\` and \`AlertExceedsMax yes\`. A *limit* is a report of \`Heuristics.Limits.Exceeded\`: clamd did not read the message to its end.`
}

${kindsTable(messages, 'version' in clamd)}

In the kinds *as form-data* the file is in a \`text/plain\` part with the disposition \`form-data\`. ClamAV mostly does
not extract such a part, but mail programs open it.

## How to use it

**ClamAV** without a daemon lists the messages in which it finds something:

\`\`\`sh
clamscan --database=database --alert-exceeds-max=yes --recursive --infected hiding ordinary
\`\`\`

**clamd**: Write a clamd.conf with a \`LocalSocket\`, this \`database\` as \`DatabaseDirectory\`, and \`AlertExceedsMax yes\`.
Start clamd with it, and ask it:

\`\`\`sh
clamdscan --config-file=clamd.conf --fdpass --infected hiding ordinary
\`\`\`

**rspamd**: Enter the socket of this clamd in \`antivirus.conf\`. A message without the symbol of the module (\`CLAM_VIRUS\`)
was let in:

\`\`\`sh
find hiding -name '*.eml' -exec rspamc symbols {} +
\`\`\`

**A mail server**: Replace each LF by CR LF, and change nothing else, before you send a message by SMTP.

**A MIME parser**: Parse each message, and compare the parts with the hidden files. This is Python's parser:

\`\`\`python
${PYTHON_EXAMPLE}\`\`\`

If your mail program does not open a file, that is no fault by itself: few programs open all of them. A scanner should
find what any mail program of its users opens.
`
}

const PYTHON_EXAMPLE = `import email, json, pathlib

manifest = json.loads(pathlib.Path('manifest.json').read_text())
hidden = {file['name']: pathlib.Path(file['file']).read_bytes() for file in manifest['hidden']}
for entry in manifest['messages']:
    try:
        message = email.message_from_bytes(pathlib.Path(entry['file']).read_bytes())
        parts = [part.get_payload(decode=True) or b'' for part in message.walk()]
    except Exception:  # some messages are hard to read
        parts = []
    opened = [name for name, file in hidden.items() if file in parts]
    print(entry['group'], ','.join(opened) or '-', entry['name'], sep='\\t')
`

function kindsTable(messages: readonly ListedMessage[], hasAnswers: boolean): string {
  const kinds = [...Object.keys(evasions), 'ordinary']
  const rows = kinds.map((kind) => {
    const own = messages.filter((message) => message.kind === kind)
    return [kind, count(own), ...answers(own, hasAnswers), describe(kind)]
  })
  const hiding = messages.filter(({ group }) => group === 'hiding')
  const total = ['all that hide a file', count(hiding), ...answers(hiding, hasAnswers), '']
  const heads = [
    'kind',
    'messages',
    ...(hasAnswers ? ['found', 'limit', 'clean'] : []),
    'what they play with',
  ]
  const lines = [heads, heads.map(() => '---'), ...rows, total]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function answers(messages: readonly ListedMessage[], hasAnswers: boolean): string[] {
  if (!hasAnswers) return []
  const clean = messages.filter(({ clamd }) => clamd === 'clean')
  const limit = messages.filter(({ clamd }) => clamd?.startsWith('Heuristics.Limits.'))
  const found = messages.length - clean.length - limit.length
  return [found.toLocaleString('en'), count(limit), count(clean)]
}

function describe(kind: string): string {
  if (kind === 'ordinary') return 'nothing'
  const text = about[kind.replace(AS_FORM_DATA, '')]
  if (text === undefined) throw new Error(`tools/corpus/readme.ts does not describe ${kind}`)
  return AS_FORM_DATA.test(kind) ? 'the same, as form-data' : text
}

const count = (messages: readonly ListedMessage[]) => messages.length.toLocaleString('en')
