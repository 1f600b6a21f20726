import t from 'tap'
import {
  cleanMail,
  infectedMails,
  nameMail,
} from '../../../../src/cli/check/by-mail/trial-mails.ts'
import { judgeMessage } from '../../../../tools/bench/readers/judge.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../../../programs/clamd.ts'

/** The mails that `onescan check --mail --smtp` sends. */

t.test(
  'onescan finds each, and clamd by itself those that hide nothing',
  { skip: clamdMissing },
  async (t) => {
    const clamd = await startClamd(t)
    const answers: Record<string, string> = {}
    for (const { kind, message } of [cleanMail, ...infectedMails]) {
      const named = nameMail(message, 'ann@example.org').message
      const alone = (await clamdAnswer(clamd.socket, named)).answer
      const { isFound } = await judgeMessage(clamd.socket, named)
      answers[kind] = `${alone}, ${isFound ? 'found' : 'clean'}`
    }
    t.same(answers, {
      clean: 'clean, clean',
      'eicar-body': 'infected, found',
      'eicar-attached': 'infected, found',
      'eicar-zip': 'infected, found',
      'hidden-form-data': 'clean, found',
      'hidden-base64': 'clean, found',
      'hidden-charset': 'clean, found',
      'hidden-behind': 'clean, found',
    })
  },
)

t.test(
  'each has lines of ASCII, an id of its own, and not more than a dozen are sent',
  async (t) => {
    const mails = [cleanMail, ...infectedMails, cleanMail]
    t.ok(mails.length <= 12)
    const named = mails.map(({ message }) => nameMail(message, 'ann@example.org'))
    t.equal(new Set(named.map(({ id }) => id)).size, mails.length)
    for (const { message } of named) t.match(message.toString('latin1'), /^(?:[\t -~]{0,76}\n)+$/)
  },
)
