import t from 'tap'
import { readMail } from '../../../../mail/mime/read-mail.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { signs } from './files.ts'
import { fillers, hidden } from './fillers.ts'

/** What happens to a hidden file: it is given to scanners, or the mail is kept out, or neither. */
function fateOf(mail: string): 'found' | 'kept out' | 'silent' {
  const { contents, over } = readMail(mail, { maxDepth: 14 })
  const isFound = contents.some((content) =>
    signs.some(({ kind, bytes }) =>
      kind === 'is' ? content.equals(bytes) : content.includes(bytes),
    ),
  )
  if (isFound) return 'found'
  return over === '' ? 'silent' : 'kept out'
}

/** In `npm test` each filler is in front of some of the messages, other ones each. */
const SHARE = isWhole ? 1 : 320

t.test('a hidden file is found or reported as unread, after any bytes', async (t) => {
  const small = hidden.filter(({ content }) => content.length < 100_000)
  let count = 0
  let found = 0
  for (const [number, { name: filler, text, place }] of fillers.entries()) {
    for (const [at, { name, content }] of small.entries()) {
      if ((at + number) % SHARE !== 0) continue
      // Else libclamav finds it inside of the whole, or it is hidden at the front of a message alone.
      if (fateOf(place('see below\n', content)) !== 'found') continue
      const fate = fateOf(place(text, content))
      count++
      if (fate === 'found') found++
      if (fate === 'silent') t.fail(`${filler}; ${name}`)
    }
  }
  t.ok(count > fillers.length * (isWhole ? 4 : 2), `${count} mails`)
  t.ok(found > 0.7 * count, `${found} of ${count} are found by their contents`)
})
