import t from 'tap'
import { type OrdinaryMail, ordinaryCase, ordinaryMails } from '../../cases/ordinary/all.ts'
import { type Door, play } from '../../cases/play.ts'
import { lacks } from '../../needs.mjs'
import { clamdMissing, startClamd } from '../../programs/servers/clamd.ts'
import { isWhole } from '../../run/is-whole.ts'
import { everything } from './milter/mta.ts'
import { sendByMilter } from './milter/send.ts'
import { sendToSlot } from './slot/send.ts'
import { quickest } from './slot/slot.ts'
import { sendToSocket } from './slot/socket/send.ts'
import { sendBySmtp } from './smtp/send.ts'

/**
 * Mail as ordinary programs make it, with a real clamd, set up as in doc/install.md. All of it goes
 * through the slot of a daemon. Each other door plays what was made for its size, and every
 * fifth of the rest, since the judgement is the same; with `npm run test:nightly` it plays all.
 */

interface PlayedDoor extends Door {
  readonly name: string
  /** The first of every fifth mail that it plays; without it, it plays all. */
  readonly turn?: number
  /** Whether it asks clamd by TCP, which works otherwise than a socket of this host. */
  readonly clamdOnTcp?: boolean
  /** What it cannot be handed, with the reason. */
  readonly unshown: Readonly<Record<string, string>>
}

const mixedLineEnds = {
  "the same with the ends of lines as PHP's mail() hands them to sendmail":
    'SMTP has one kind of line end',
}
const noField = 'the MTA begins the body at a line that is no field'

const doors: readonly PlayedDoor[] = [
  {
    name: 'the warm slot',
    unshown: {},
    hasDaemon: true,
    send: (t, sent) => sendToSocket(t, sent, () => true),
  },
  { name: 'SMTP', turn: 2, unshown: mixedLineEnds, hasDaemon: true, send: sendBySmtp },
  {
    name: 'the standalone slot',
    turn: 0,
    unshown: {},
    hasDaemon: false,
    send: (_, sent) => sendToSlot(sent, { program: quickest }),
  },
  {
    name: 'a milter, with clamd on TCP',
    turn: 1,
    clamdOnTcp: true,
    unshown: {
      ...mixedLineEnds,
      'a mail that begins with the line of an mbox': noField,
      'a mail that begins with the quoted line of an mbox': noField,
      'a mail as Thunderbird keeps it in a folder': noField,
    },
    hasDaemon: true,
    send: (t, sent) => sendByMilter(t, sent, everything),
  },
]

t.test('ordinary mail', { skip: clamdMissing || lacks('openssl') }, async (t) => {
  // Without its memory, so that no mail depends on those before it.
  const clamd = await startClamd(t, { alertExceedsMax: true, tcp: true, disableCache: true })
  for (const door of doors) {
    const names = ordinaryMails.map(({ what }) => what)
    for (const what of Object.keys(door.unshown)) t.ok(names.includes(what), what)
    t.test(door.name, { jobs: 2 }, async (t) => {
      for (const [number, mail] of ordinaryMails.entries()) {
        if (door.unshown[mail.what] !== undefined || !isPlayed(door, mail, number)) continue
        const testCase = ordinaryCase(mail, door.clamdOnTcp ? clamd.tcp : clamd.socket)
        t.test(testCase.name, (t) => play(t, testCase, door))
      }
    })
  }
})

function isPlayed({ turn }: PlayedDoor, mail: OrdinaryMail, number: number): boolean {
  return isWhole || turn === undefined || mail.isForSize || number % 5 === turn
}
