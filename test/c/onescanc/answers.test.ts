import t, { type Test } from 'tap'
import { uint32 } from '../../../src/scanner/protocol/frames.ts'
import { uint64 } from '../../../src/scanner/protocol/slot/slot-frames.ts'
import { runSlot, type SlotRun, type SlotSetup } from '../../scanner/doors/slot/slot.ts'
import {
  beside,
  clientsBeside,
  onescanc as installed,
  missing,
  sanitized,
  standalonePrograms,
} from './client.ts'
import {
  accept,
  acknowledgement,
  answering,
  bodyAt,
  code,
  edited,
  end,
  HEADER,
  heartbeat,
  insert,
  keep,
  logLine,
  plain,
  replyText,
  scriptedDaemon,
  standalone,
  type Talk,
} from './scripted-daemon.ts'

/**
 * What onescanc does with the answers of a daemon: slot-protocol.md. How each answer is read,
 * invalid-answers.test.ts shows.
 */

const teller = standalonePrograms(t).teller
const clients = missing ? [] : clientsBeside(teller)
const onescanc = missing ? '' : beside(teller, installed)

/** One message through a client whose daemon follows a script. */
async function meet(
  t: Test,
  program: string,
  script: (talk: Talk) => unknown,
  setup: SlotSetup = {},
) {
  const daemon = await scriptedDaemon(t, script)
  const run = await runSlot({
    program: [program],
    message: Buffer.from(plain),
    ...setup,
    settings: {
      QHPSI: 'plugin: eicar',
      ONESCAN_SOCKET: daemon.socket,
      ...setup.settings,
    },
  })
  t.notMatch(run.logged, /Sanitizer|runtime error/)
  t.same(run.left, [], 'nothing is left behind')
  t.equal(run.timedOut, false)
  return { run, daemon }
}

function wentStandalone(t: Test, run: SlotRun, why: RegExp, message = plain): void {
  t.match(run.logged, why)
  t.match(run.logged, /^onescan: decision=standalone .*\nSTANDALONE \[/)
  t.equal(run.code, 0, run.logged)
  t.equal(run.text, message, 'the mail is handed to the standalone program as it came')
  t.same(run.deliveries[0]?.envelope, Buffer.from('Fa@example.org\0Tb@example.org\0\0'))
}

for (const { name, program } of clients) {
  t.test(`${name} carries out the answer`, { jobs: 2 }, async (t) => {
    const client = program[0]!

    t.test('accept: a header block of 1 MiB', async (t) => {
      const block = `${`X-Long: ${'y'.repeat(1015)}\n`.repeat(1024).slice(0, 1024 ** 2 - 1)}\n`
      const message = `${block}body\n`
      const answer = accept(bodyAt(1024 ** 2), insert('X-QHPSI: clean\n'), keep(0, 1024 ** 2))
      const { run } = await meet(t, client, answering(answer), { message: Buffer.from(message) })
      t.equal(run.code, 0, run.logged)
      t.ok(run.text === `X-QHPSI: clean\n${message}`)
    })

    t.test('accept: a header block over 1 MiB scans standalone', async (t) => {
      const message = `${'X: y\n'.repeat(2 ** 18)}\nbody\n`
      const answer = accept(bodyAt(1024 ** 2 + 1), keep(0, 1024 ** 2 + 1))
      const { run } = await meet(t, client, answering(answer), { message: Buffer.from(message) })
      wentStandalone(t, run, /invalid answer/, message)
    })

    t.test('accept: an answer of 256 KiB', async (t) => {
      const lines = Array.from({ length: 63 }, () => logLine(`${'y'.repeat(4095)}\n`))
      const filled = (size: number) => accept(bodyAt(0), ...lines, insert('x'.repeat(size)))
      const rest = 256 * 1024 - (filled(0).length - 5)
      const { run } = await meet(t, client, answering(filled(rest)))
      t.ok(run.text === 'x'.repeat(rest) + plain, run.logged)
      t.equal(run.logged.length, 63 * 4096)
    })

    t.test('end: the code is the exit code, and the line is logged', async (t) => {
      const words = end(code(77), logLine('onescan: ended\n'))
      const { run } = await meet(t, client, answering(words))
      t.equal(run.code, 77)
      t.equal(run.logged, 'onescan: ended\n')
      t.equal(run.deliveries.length, 0)
    })

    // promise: bad-onescand, client-drop
    t.test(
      'end: 0 is accepted only if the settings of the client allow mail to be dropped',
      async (t) => {
        const dropped = await meet(t, client, answering(end(code(0))), {
          settings: { REJECTVIRUS: '2' },
        })
        t.equal(dropped.run.code, 0)
        t.equal(dropped.run.deliveries.length, 0)
        for (const REJECTVIRUS of [undefined, '', '0', '1', '22']) {
          const { run } = await meet(t, client, answering(end(code(0))), {
            settings: { REJECTVIRUS },
          })
          wentStandalone(t, run, /invalid answer/)
        }
      },
    )

    t.test('end: a text goes to the error descriptor', async (t) => {
      for (const [number, errorFd] of [
        [82, 6],
        [82, 4],
        [88, 2],
      ] as const) {
        const answer = end(code(number), replyText('Dmessage refused (#5.7.1)'))
        const { run } = await meet(t, client, answering(answer), {
          errorFd,
          settings: { ERROR_FD: `${errorFd}` },
        })
        t.equal(run.code, number)
        t.equal(run.errorText.toString(), 'Dmessage refused (#5.7.1)')
      }
    })

    t.test('end: a text goes to a socket, too', async (t) => {
      const passesOn = `use Socket; use POSIX; socketpair(A, B, AF_UNIX, SOCK_STREAM, 0);
        POSIX::dup2(fileno(A), 6); close A;
        if (!fork) { close B; exec @ARGV }
        POSIX::close(6); print STDERR "heard <", <B>, ">"; wait; exit $? >> 8`
      const answer = end(code(82), replyText('Dno (#5.7.1)'))
      const { run } = await meet(t, client, answering(answer), {
        program: ['/usr/bin/perl', '-e', passesOn, client],
        settings: { ERROR_FD: '6' },
      })
      t.equal(run.code, 82)
      t.match(run.logged, 'heard <Dno (#5.7.1)>')
    })

    t.test('end: a text that cannot be written becomes a temporary failure', async (t) => {
      const { run } = await meet(t, client, answering(end(code(82), replyText('Dno (#5.7.1)'))), {
        program: ['/bin/bash', '-c', `exec 6> >(:); wait $!; exec "$@"`, 'bash', client],
        settings: { ERROR_FD: '6' },
      })
      t.equal(run.code, 71)
    })

    t.test('end: an answer with a text is invalid if the client cannot pass it on', async (t) => {
      const answer = end(code(82), replyText('Dno (#5.7.1)'))
      const { run } = await meet(t, client, answering(answer))
      wentStandalone(t, run, /invalid answer/)
      for (const isNoPipeForTexts of [
        'exec 6>&2', // the log
        'exec 6>/dev/null',
        'exec 6< <(:)',
        'exec 6> >(:) 7>&6',
      ]) {
        const { run } = await meet(t, client, answering(answer), {
          program: ['/bin/bash', '-c', `${isNoPipeForTexts}; exec "$@"`, 'bash', client],
          settings: { ERROR_FD: '6' },
        })
        wentStandalone(t, run, /invalid answer/)
      }
    })

    t.test('standalone: the daemon may send it at any time', async (t) => {
      const before = await meet(t, client, ({ end }) => end(standalone('too many "clients"\n')))
      wentStandalone(t, before.run, /reason="onescand: too many \?clients\?\?"/)
      for (const timeout of [40, 1]) {
        const settings = { SCANTIMEOUT: `${timeout}` }
        const { run } = await meet(t, client, answering(heartbeat, standalone('')), { settings })
        wentStandalone(t, run, /reason="onescand: "/)
        const left = Number(/STANDALONE \[(\d+)\]/.exec(run.logged)![1])
        const most = Math.max(1, timeout - 1) // what is begun is used
        t.ok(left <= most && left >= most - Math.floor(run.time / 1000), `${left} s`)
      }
    })

    t.test('an answer may come byte by byte', async (t) => {
      const { run } = await meet(t, client, async ({ question, connection, end }) => {
        await question
        for (const byte of Buffer.concat([acknowledgement, heartbeat, edited])) {
          await new Promise((sent) => connection.write(Buffer.of(byte), sent))
        }
        end()
      })
      t.match(run.text, /^X-QHPSI: clean\n/)
    })
  })

  // promise: bad-onescand
  t.test(`${name} scans standalone for an invalid answer, with the mail as it came`, async (t) => {
    const setup: SlotSetup = { errorFd: 6, settings: { ERROR_FD: '6' } }
    const script = answering(accept(bodyAt(HEADER), insert('x'), keep(0, HEADER + 1)))
    const { run } = await meet(t, program[0]!, script, setup)
    wentStandalone(t, run, /invalid answer/)
    t.equal(run.errorText.length, 0)
  })

  // promise: client-half-answer
  t.test(`${name}: a connection may break at any point of the question`, async (t) => {
    const message = Buffer.from(`Subject: x\n\n${'body\n'.repeat(100_000)}`)
    for (const after of ['', '1', 'V', 'E', 'S', '.', 'M']) {
      const { run } = await meet(
        t,
        program[0]!,
        async (talk) => {
          while (after && !talk.heard.some(({ type }) => type === after)) {
            await new Promise(setImmediate)
          }
          talk.connection.destroy()
        },
        { message },
      )
      wentStandalone(
        t,
        run,
        /closed the connection|Connection reset|Broken pipe/,
        message.toString(),
      )
    }
  })
}

t.test(
  'the client waits for the times that slot-protocol.md documents',
  { jobs: 5, skip: missing },
  async (t) => {
    const timed = async (t: Test, script: (talk: Talk) => unknown, setup: SlotSetup = {}) => {
      const { run } = await meet(t, onescanc, script, setup)
      return run
    }
    t.test('after ten seconds for an acknowledgement scanners have all their time', async (t) => {
      const run = await timed(t, () => {}, { settings: { SCANTIMEOUT: '40' } })
      wentStandalone(t, run, /silent for too long/)
      t.match(run.logged, 'STANDALONE [40]')
      t.ok(run.time > 9900, `${run.time}`)
    })
    t.test('ten seconds are given for a heartbeat, and count as time of scanners', async (t) => {
      const run = await timed(t, ({ send }) => send(acknowledgement), {
        settings: { SCANTIMEOUT: '40' },
      })
      wentStandalone(t, run, /silent for too long/)
      const [, left] = /STANDALONE \[(\d+)\]/.exec(run.logged)!
      t.ok(Number(left) <= 30, left!)
      t.ok(run.time > 9900, `${run.time}`)
    })
    // promise: client-half-answer
    t.test('ten seconds are given for the rest of an answer', async (t) => {
      const run = await timed(t, async ({ question, send }) => {
        await question
        send(acknowledgement, edited.subarray(0, -1))
      })
      wentStandalone(t, run, /silent for too long/)
    })
    t.test('everything has two seconds more than SCANTIMEOUT', async (t) => {
      const run = await timed(
        t,
        ({ connection, send }) => {
          send(acknowledgement)
          const beat = setInterval(() => send(heartbeat), 100)
          connection.on('close', () => clearInterval(beat))
        },
        { settings: { SCANTIMEOUT: '1' } },
      )
      wentStandalone(t, run, /takes too long/)
      t.match(run.logged, 'STANDALONE [1]')
      t.ok(run.time > 2900, `${run.time}`)
    })
    t.test('ten seconds are given to a daemon that reads nothing', async (t) => {
      const message = Buffer.from(`Subject: x\n\n${'body\n'.repeat(500_000)}`)
      const run = await timed(t, ({ connection }) => connection.pause(), { message })
      wentStandalone(t, run, /silent for too long/, message.toString())
      t.ok(run.time > 9900, `${run.time}`)
    })
  },
)

// promise: client-standalone
t.test('if the connection ends, the mail is asked about again', { skip: missing }, async (t) => {
  for (const program of [onescanc, beside(teller, sanitized)]) {
    for (const first of [
      [],
      [acknowledgement],
      [acknowledgement, heartbeat, edited.subarray(0, 9)],
    ]) {
      let asked = 0
      const script = async (talk: Talk) => {
        await talk.question
        if (asked++ === 0) talk.end(...first)
        else talk.end(acknowledgement, edited)
      }
      const { run, daemon } = await meet(t, program, script, { settings: { SCANTIMEOUT: '40' } })
      t.equal(run.text, 'X-QHPSI: clean\nSubject: x\n\nbody\n')
      t.equal(run.logged, 'onescan: judged\n')
      const [question, repeated] = daemon.talks.map(({ heard }) =>
        heard.map(({ type }) => type).join(''),
      )
      t.equal(question, repeated, 'in the same words')
      const [before, after] = daemon.talks.map(({ heard }) => {
        return heard.find(({ type }) => type === 'D')!.payload.readUInt32BE(0)
      })
      t.equal(before, 40_000)
      t.ok(first.length === 0 ? after === 40_000 : after! < 40_000, 'in the time that is left')
      t.equal(daemon.talks.length, 2)
    }
  }
  const { run, daemon } = await meet(t, onescanc, ({ connection }) => connection.destroy())
  wentStandalone(t, run, /closed the connection|Connection reset|Broken pipe/)
  t.equal(daemon.talks.length, 2, 'and no third time')
  const late = await meet(t, onescanc, ({ connection }) => connection.destroy(), {
    settings: { SCANTIMEOUT: '1' },
  })
  wentStandalone(t, late.run, /closed the connection|Connection reset|Broken pipe/)
  t.equal(late.daemon.talks.length, 1, 'nor if scanners have less than two seconds')
})

t.test('the question is that of the document', { skip: missing }, async (t) => {
  const message = Buffer.from(`Subject: x\n\n${'0123456789abcde\n'.repeat(200_000)}`)
  const { daemon } = await meet(t, onescanc, answering(end(code(71))), {
    message,
    errorFd: 6,
    settings: {
      ERROR_FD: '6',
      SCANTIMEOUT: '7',
      RELAYCLIENT: '',
      TCPREMOTEIP: '192.0.2.1',
      LOGFILE: '/dev/null',
      UNKNOWN: 'x',
    },
  })
  const heard = daemon.talks[0]!.heard
  const types = heard.map(({ type }) => type).join('')
  t.match(types, /^1V+RDESM+\.$/)
  const payload = (type: string) =>
    heard.filter((frame) => frame.type === type).map((frame) => frame.payload)
  t.same(payload('1'), [Buffer.from('osc1')])
  t.same(payload('R'), [Buffer.of(1)])
  t.same(payload('D'), [uint32(7000)])
  t.same(payload('S'), [uint64(message.length)])
  t.same(payload('E')[0]?.toString(), 'Fa@example.org\0Tb@example.org\0\0')
  t.ok(payload('M').every(({ length }) => length > 0 && length <= 64 * 1024))
  t.ok(Buffer.concat(payload('M')).equals(message))
  const variables = payload('V').map(String).sort()
  t.match(variables, [
    'CONTROLDIR=/nonexistent',
    'ERROR_FD=6',
    'QHPSI=plugin: eicar',
    /^QUEUECHAIN=.*qmail-queue/,
    'RELAYCLIENT=',
    'SCANTIMEOUT=7',
    'TCPREMOTEIP=192.0.2.1',
  ])
  t.equal(variables.length, 7)
})

t.test(
  'a variable over 64 KiB is not sent: the client scans standalone',
  { skip: missing },
  async (t) => {
    const most = 64 * 1024 - 'FINDINGS=*=tag'.length
    const runWith = (length: number) =>
      meet(t, onescanc, answering(edited), { settings: { FINDINGS: `${'y'.repeat(length)}*=tag` } })
    t.match((await runWith(most)).run.text, /^X-QHPSI: clean\n/)
    wentStandalone(t, (await runWith(most + 1)).run, /FINDINGS: is too long/)
  },
)
