import t from 'tap'
import { nameMail } from '../../../../src/scanner/cli/check/test-mail/name-mail.ts'
import { testMails } from '../../../../src/scanner/readiness/test-mail/test-mails.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { judgeMessage } from '../../scan/scanners/evasions/judge-message.ts'

/** The messages that `onescan check --mail --smtp` sends. */

t.test(
  'onescan finds each test virus, and clamd alone finds those that are not hidden',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t)
    const answers: Record<string, string> = {}
    for (const { name, message } of testMails) {
      const named = nameMail(message, 'ann@example.org').message
      const alone = (await clamdAnswer(clamd.socket, named)).answer
      const { isFound } = await judgeMessage(clamd.socket, named)
      answers[name] = `${alone}, ${isFound ? 'found' : 'clean'}`
    }
    t.same(answers, {
      'clean mail': 'clean, clean',
      'EICAR in the body': 'infected, found',
      'EICAR attached': 'infected, found',
      'EICAR in a zip': 'infected, found',
      'hidden as form-data': 'clean, found',
      'hidden in pieces': 'clean, found',
      'hidden in UTF-16': 'clean, found',
      'hidden behind the end': 'clean, found',
      'clean mail, the last': 'clean, clean',
    })
  },
)

t.test(
  'each has lines of ASCII, an id of its own, and not more than a dozen are sent',
  async (t) => {
    const mails = testMails
    t.ok(mails.length <= 12)
    const named = mails.map(({ message }) => nameMail(message, 'ann@example.org'))
    t.equal(new Set(named.map(({ id }) => id)).size, mails.length)
    for (const { message } of named) t.match(message.toString('latin1'), /^(?:[\t -~]{0,76}\n)+$/)
  },
)
