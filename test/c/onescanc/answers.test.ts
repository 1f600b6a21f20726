import { readFileSync, readlinkSync } from 'node:fs'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { frame, uint32, uint64 } from '../../../src/doors/slot-socket/frames.ts'
import { loadPassedDescriptors } from '../../../src/ground/net/passed-descriptors.ts'
import { TOP_LINE } from '../../../src/message/top-line.ts'
import { runSlot, type SlotRun, type SlotSetup } from '../../doors/slot/slot.ts'
import { isWhole } from '../../run/is-whole.ts'
import { clients, coldPrograms, missing, onescanc, sanitized } from './client.ts'
import {
  accept,
  acknowledgement,
  answering,
  bodyAt,
  code,
  cold,
  end,
  endMark,
  heartbeat,
  insert,
  keep,
  logLine,
  otherEnvelope,
  replyText,
  scriptedDaemon,
  sendIt,
  type Talk,
} from './scripted-daemon.ts'

/** How onescanc takes the answers of a daemon, right and wrong: doc/design.md. */

const programs = coldPrograms(t)
const passing = (await loadPassedDescriptors())!
const plain = 'Subject: x\nX-QHPSI: forged\n\nbody\n'
const HEADER = plain.indexOf('\n\n') + 2
const edited = accept(
  bodyAt(HEADER),
  insert('X-QHPSI: clean\n'),
  keep(0, 11),
  keep(27, 1),
  logLine('onescan: judged\n'),
)

/** Of ordinary numbers, one in so many is tried. */
const spacing = isWhole ? 1 : 16

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
      ONESCAN_COLD: programs.teller,
      ONESCAN_SOCKET: daemon.socket,
      ...setup.settings,
    },
  })
  t.notMatch(run.logged, /Sanitizer|runtime error/)
  t.same(run.left, [], 'nothing is left behind')
  t.equal(run.timedOut, false)
  return { run, daemon }
}

function wentCold(t: Test, run: SlotRun, why: RegExp, message = plain): void {
  t.match(run.logged, why)
  t.match(run.logged, /^onescan: decision=cold .*\nCOLD \[/)
  t.equal(run.code, 0, run.logged)
  t.equal(run.text, message, 'the mail is handed to the cold program as it came')
  t.same(run.deliveries[0]?.envelope, Buffer.from('Fa@example.org\0Tb@example.org\0\0'))
}

for (const { name, program } of missing ? [] : clients) {
  t.test(`${name} does what it is told`, { jobs: 2 }, async (t) => {
    const client = program[0]!

    t.test('accept: a new header, the body as it came, one log line', async (t) => {
      const { run } = await meet(t, client, answering(heartbeat, edited))
      t.equal(run.code, 0, run.logged)
      t.equal(run.text, 'X-QHPSI: clean\nSubject: x\n\nbody\n')
      t.equal(run.logged, 'onescan: judged\n')
    })

    t.test('accept: other recipients replace the old ones', async (t) => {
      const wire = 'Fa@example.org\0Tv@example.org\0\0'
      const answer = accept(bodyAt(HEADER), keep(0, HEADER), otherEnvelope(wire))
      const { run } = await meet(t, client, answering(answer))
      t.equal(run.deliveries[0]?.envelope.toString('latin1'), wire)
      t.equal(run.text, plain)
    })

    t.test(
      'accept: a header that is 16 KiB longer, one that is gone, a message without a body',
      async (t) => {
        const long = `X: ${'y'.repeat(16 * 1024 - 4)}\n`
        const grown = await meet(
          t,
          client,
          answering(accept(bodyAt(HEADER), insert(long), keep(0, HEADER))),
        )
        t.equal(grown.run.text, long + plain)
        const gone = await meet(t, client, answering(accept(bodyAt(HEADER))))
        t.equal(gone.run.text, 'body\n')
        const whole = await meet(
          t,
          client,
          answering(accept(bodyAt(plain.length), keep(0, plain.length))),
        )
        t.equal(whole.run.text, plain)
        const nothing = await meet(t, client, answering(accept(bodyAt(0))), {
          message: Buffer.alloc(0),
        })
        t.equal(nothing.run.deliveries[0]?.message.length, 0)
      },
    )

    t.test('accept: a header block of 1 MiB', async (t) => {
      const block = `${`X-Long: ${'y'.repeat(1015)}\n`.repeat(1024).slice(0, 1024 ** 2 - 1)}\n`
      const message = `${block}body\n`
      const answer = accept(bodyAt(1024 ** 2), insert('X-QHPSI: clean\n'), keep(0, 1024 ** 2))
      const { run } = await meet(t, client, answering(answer), { message: Buffer.from(message) })
      t.equal(run.code, 0, run.logged)
      t.ok(run.text === `X-QHPSI: clean\n${message}`)
    })

    t.test('end: exactly the codes of the document', async (t) => {
      const ok = new Set([31, 33, 34, 71, 77])
      const near = (number: number) => [number - 1, number, number + 1].some((code) => ok.has(code))
      for (let number = 0; number < 256; number++) {
        if (number % spacing !== 0 && !near(number)) continue
        const { run } = await meet(
          t,
          client,
          answering(end(code(number), logLine('onescan: ended\n'))),
        )
        if (ok.has(number)) {
          t.equal(run.code, number)
          t.equal(run.logged, 'onescan: ended\n')
          t.equal(run.deliveries.length, 0)
        } else wentCold(t, run, /makes no sense/)
      }
    })

    t.test('end: 0 is obeyed only if the client itself was told to drop mail', async (t) => {
      const dropped = await meet(t, client, answering(end(code(0))), {
        settings: { REJECTVIRUS: '2' },
      })
      t.equal(dropped.run.code, 0)
      t.equal(dropped.run.deliveries.length, 0)
      for (const REJECTVIRUS of [undefined, '', '0', '1', '22']) {
        const { run } = await meet(t, client, answering(end(code(0))), {
          settings: { REJECTVIRUS },
        })
        wentCold(t, run, /makes no sense/)
      }
    })

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

    t.test('end: a text that cannot be written becomes a temporary failure', async (t) => {
      const { run } = await meet(t, client, answering(end(code(82), replyText('Dno (#5.7.1)'))), {
        program: ['/bin/bash', '-c', `exec 6> >(:); wait $!; exec "$@"`, 'bash', client],
        settings: { ERROR_FD: '6' },
      })
      t.equal(run.code, 71)
    })

    t.test('end: an answer with a text is invalid if the client cannot pass it on', async (t) => {
      const { run } = await meet(t, client, answering(end(code(82), replyText('Dno (#5.7.1)'))))
      wentCold(t, run, /makes no sense/)
    })

    t.test('cold: the daemon may say so at any time', async (t) => {
      const before = await meet(t, client, ({ end }) => end(cold('too many "clients"\n')))
      wentCold(t, before.run, /reason="onescand: too many \?clients\?\?"/)
      const after = await meet(t, client, answering(heartbeat, cold('')))
      wentCold(t, after.run, /reason="onescand: "/)
    })

    t.test('10,000 heartbeats are accepted', async (t) => {
      const beats = Buffer.concat(Array.from({ length: 10_000 }, () => heartbeat))
      const { run } = await meet(t, client, answering(beats, edited))
      t.match(run.text, /^X-QHPSI: clean\n/)
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

  t.test(`${name} goes cold for any invalid answer`, { jobs: 2 }, async (t) => {
    const client = program[0]!
    const B = bodyAt(HEADER)
    const field = (tag: string, length: number) => frame(tag, Buffer.alloc(length, 'a'))
    const nonsense: Readonly<Record<string, Buffer>> = {
      'an answer of no fields': frame('a'),
      'no end mark': frame('a', B),
      'an end mark in front': frame('a', endMark, B),
      'bytes behind the end mark': frame('a', B, endMark, Buffer.of(0)),
      'two end marks': frame('a', B, endMark, endMark),
      'an end mark with a payload': frame('a', B, field('.', 1)),
      'half a field': frame('a', B, Buffer.from('i\0\0')),
      'a field longer than the answer': frame('a', B, Buffer.from('i\0\0\x01\0'), endMark),
      'a field of 4 GiB': frame('a', B, Buffer.from('i\xff\xff\xff\xff', 'latin1'), endMark),
      'no offset': accept(keep(0, 1)),
      'an offset later': accept(keep(0, 0), B),
      'two offsets': accept(B, B),
      'an offset of 4 bytes': accept(frame('B', uint32(1))),
      'an offset of 9 bytes': accept(field('B', 9)),
      'an offset behind the message': accept(bodyAt(plain.length + 1)),
      'an offset of 2^32': accept(bodyAt(2 ** 32)),
      'an offset of 2^63': accept(frame('B', Buffer.from([128, 0, 0, 0, 0, 0, 0, 0]))),
      'a span behind the header': accept(B, keep(0, HEADER + 1)),
      'a span that begins behind it': accept(B, keep(HEADER + 1, 0)),
      'a span that wraps round': accept(B, keep(HEADER - 1, 2 ** 32 - 1)),
      'a span of 4 bytes': accept(B, frame('k', uint32(0))),
      'a span of 12 bytes': accept(B, frame('k', uint32(0, 1, 2))),
      'an unknown field': accept(B, frame('z')),
      'a NUL for a tag': accept(B, frame('\0')),
      'a code in an acceptance': accept(B, code(0)),
      'a text in an acceptance': accept(B, replyText('Dno')),
      'spans that are too long together': accept(
        B,
        ...Array.from({ length: 700 }, () => keep(0, HEADER)),
      ),
      'an insertion that does not fit': accept(B, insert('y'.repeat(HEADER + 16 * 1024 + 1))),
      'both together, by one byte': accept(B, insert('y'.repeat(16 * 1024 + 1)), keep(0, HEADER)),
      'two envelopes': accept(B, otherEnvelope('Fa\0Tb\0\0'), otherEnvelope('Fa\0Tb\0\0')),
      'an empty envelope': accept(B, otherEnvelope('')),
      'an envelope that is cut': accept(B, otherEnvelope('Fa\0Tb\0')),
      'an envelope and more': accept(B, otherEnvelope('Fa\0Tb\0\0x')),
      'a wrong letter in it': accept(B, otherEnvelope('Fa\0Xb\0\0')),
      'a long address in it': accept(B, otherEnvelope(`F${'a'.repeat(1003)}\0\0`)),
      'an empty log line': accept(B, logLine('')),
      'a log line without its end': accept(B, logLine('onescan: x')),
      'a log line that is two': accept(B, logLine('onescan: x\nonescan: y\n')),
      'a log line with an escape': accept(B, logLine('onescan: \x1b[0m\n')),
      'a log line of 4,097 bytes': accept(B, logLine(`${'y'.repeat(4096)}\n`)),
      'no code': end(),
      'a code later': end(logLine('x\n'), code(71)),
      'two codes': end(code(71), code(71)),
      'a code of no byte': end(field('c', 0)),
      'a code of two bytes': end(field('c', 2)),
      'an insertion in an end': end(code(71), insert('')),
      'a span in an end': end(code(71), keep(0, 0)),
      'an envelope in an end': end(code(71), otherEnvelope('Fa\0Tb\0\0')),
      '82 without a text': end(code(82)),
      '71 with a text': end(code(71), replyText('Zno')),
      'two texts': end(code(82), replyText('Dno'), replyText('Dno')),
      'a text of 2 bytes': end(code(82), replyText('Dn')),
      'a text of 256 bytes': end(code(82), replyText('D'.repeat(256))),
      'a text without D or Z': end(code(82), replyText('Kno')),
      'a text that begins with a NUL': end(code(82), replyText('\0no')),
      'a text with a line end': end(code(82), replyText('Dno\r\n250 ok')),
      'an answer over 256 KiB': frame('a', Buffer.alloc(256 * 1024 + 1)),
      'an answer of 4 GiB': Buffer.from('a\xff\xff\xff\xff', 'latin1'),
      'an unknown frame': frame('y'),
      'a second acknowledgement': acknowledgement,
      'a heartbeat with a payload': field('h', 1),
      'a reason over 1 KiB': cold('y'.repeat(1025)),
      'bytes behind the answer': Buffer.concat([edited, Buffer.of(0)]),
      'a frame behind the answer': Buffer.concat([edited, edited]),
      HTTP: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    }
    for (const [what, words] of Object.entries(nonsense)) {
      t.test(what, async (t) => {
        const { run } = await meet(t, client, answering(words), {
          errorFd: 6,
          settings: { ERROR_FD: '6' },
        })
        wentCold(t, run, /makes no sense/)
        t.equal(run.errorText.length, 0)
      })
    }

    t.test('an answer without an acknowledgement is invalid', async (t) => {
      for (const words of [edited, end(code(71)), heartbeat, acknowledgement.subarray(0, 4)]) {
        const { run } = await meet(t, client, async ({ question, end }) => {
          await question
          end(words)
        })
        wentCold(t, run, /makes no sense|hung up/)
      }
    })

    t.test('an answer that is cut off at any byte is invalid', async (t) => {
      const words = Buffer.concat([acknowledgement, heartbeat, edited])
      for (let length = 0; length < words.length; length += isWhole ? 1 : 3) {
        const { run } = await meet(t, client, async ({ question, end }) => {
          await question
          end(words.subarray(0, length))
        })
        wentCold(t, run, /hung up/)
      }
    })

    t.test('a connection may break at any point of the question', async (t) => {
      const message = Buffer.from(`Subject: x\n\n${'body\n'.repeat(100_000)}`)
      for (const after of ['', '1', 'V', 'E', 'S', '.', 'M']) {
        const { run } = await meet(
          t,
          client,
          async (talk) => {
            if (after === 'M') talk.say(sendIt)
            while (after && !talk.heard.some(({ tag }) => tag === after)) {
              await new Promise(setImmediate)
            }
            talk.connection.destroy()
          },
          { message },
        )
        wentCold(t, run, /hung up|Connection reset|Broken pipe/, message.toString())
      }
    })

    t.test('garbage of any kind is invalid', async (t) => {
      const bytes = fc.uint8Array({ maxLength: 300 })
      const fields = fc.array(
        fc.tuple(fc.constantFrom(...'Bkielct.'), fc.oneof(bytes, fc.constant(uint64(HEADER)))),
      )
      const answers = fields.map((list) =>
        accept(...list.map(([tag, payload]) => frame(tag, Buffer.from(payload)))),
      )
      const words = fc.oneof(
        bytes.map((list) => Buffer.from(list)),
        answers,
      )
      await fc.assert(
        fc.asyncProperty(words, async (said) => {
          const { run } = await meet(t, client, answering(said))
          if (run.code === 0 && run.logged.includes('decision=cold')) return
          // By chance it made sense: then it is handed on, for there is no code in it.
          t.equal(run.code, 0)
          t.equal(run.deliveries.length, 1)
        }),
        { numRuns: 60 },
      )
    })
  })
}

t.test('the client waits as long as the document says', { jobs: 5, skip: missing }, async (t) => {
  const timed = async (t: Test, script: (talk: Talk) => unknown, setup: SlotSetup = {}) => {
    const { run } = await meet(t, onescanc, script, setup)
    return run
  }
  t.test(
    'ten seconds are given for an acknowledgement; then scanners still have all their time',
    async (t) => {
      const run = await timed(t, () => {}, { settings: { SCANTIMEOUT: '40' } })
      wentCold(t, run, /silent for too long/)
      t.match(run.logged, 'COLD [40]')
      t.ok(run.time > 9900, `${run.time}`)
    },
  )
  t.test('ten seconds are given for a heartbeat, and count as time of scanners', async (t) => {
    const run = await timed(t, ({ say }) => say(acknowledgement), {
      settings: { SCANTIMEOUT: '40' },
    })
    wentCold(t, run, /silent for too long/)
    const [, left] = /COLD \[(\d+)\]/.exec(run.logged)!
    t.ok(Number(left) <= 30, left!)
    t.ok(run.time > 9900, `${run.time}`)
  })
  t.test('ten seconds are given for the rest of an answer', async (t) => {
    const run = await timed(t, async ({ question, say }) => {
      await question
      say(acknowledgement, edited.subarray(0, -1))
    })
    wentCold(t, run, /silent for too long/)
  })
  t.test(
    'two seconds more than SCANTIMEOUT are given for everything, however much comes',
    async (t) => {
      const run = await timed(
        t,
        ({ connection, say }) => {
          say(acknowledgement)
          const beat = setInterval(() => say(heartbeat), 100)
          connection.on('close', () => clearInterval(beat))
        },
        { settings: { SCANTIMEOUT: '1' } },
      )
      wentCold(t, run, /takes too long/)
      t.match(run.logged, 'COLD [1]')
      t.ok(run.time > 2900, `${run.time}`)
    },
  )
  t.test('ten seconds are given to a daemon that reads nothing', async (t) => {
    const message = Buffer.from(`Subject: x\n\n${'body\n'.repeat(500_000)}`)
    const run = await timed(t, ({ connection }) => connection.pause(), { message })
    wentCold(t, run, /silent for too long/, message.toString())
    t.ok(run.time > 9900, `${run.time}`)
  })
})

t.test(
  'if the connection ends, onescanc asks about the mail once more',
  { skip: missing },
  async (t) => {
    for (const program of [onescanc, sanitized]) {
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
          heard.map(({ tag }) => tag).join(''),
        )
        t.equal(question, repeated, 'in the same words')
        const [before, after] = daemon.talks.map(({ heard }) => {
          return heard.find(({ tag }) => tag === 'D')!.payload.readUInt32BE(0)
        })
        t.equal(before, 40_000)
        t.ok(first.length === 0 ? after === 40_000 : after! <= 40_000)
        t.equal(daemon.talks.length, 2)
      }
    }
    const { run, daemon } = await meet(t, onescanc, ({ connection }) => connection.destroy())
    wentCold(t, run, /hung up|Connection reset|Broken pipe/)
    t.equal(daemon.talks.length, 2, 'and no third time')
  },
)

t.test('the question is that of the document', { skip: missing }, async (t) => {
  const message = Buffer.from(`Subject: x\n\n${'0123456789abcde\n'.repeat(200_000)}`)
  // It says that no descriptor came, and gets the bytes.
  const script = async ({ question, say, heard, end: finish }: Talk) => {
    await question
    say(sendIt)
    while (heard.filter(({ tag }) => tag === '.').length < 2) await new Promise(setImmediate)
    finish(acknowledgement, end(code(71)))
  }
  const { daemon } = await meet(t, onescanc, script, {
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
  const tags = heard.map(({ tag }) => tag).join('')
  t.match(tags, /^1V+RDEFS\.M+\.$/)
  const payload = (tag: string) =>
    heard.filter((frame) => frame.tag === tag).map((frame) => frame.payload)
  t.same(payload('1'), [Buffer.from('osc1')])
  t.same(payload('R'), [Buffer.of(1)])
  t.same(payload('D'), [uint32(7000)])
  t.same(payload('S'), [uint64(message.length)])
  t.same(payload('E')[0]?.toString(), 'Fa@example.org\0Tb@example.org\0\0')
  t.ok(payload('M').every(({ length }) => length > 0 && length <= 1024 ** 2))
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

t.test('a variable over 64 KiB is not sent: the client goes cold', { skip: missing }, async (t) => {
  const { run } = await meet(t, onescanc, answering(edited), {
    settings: { VIRUSTAGONLY: 'y'.repeat(64 * 1024) },
  })
  wentCold(t, run, /VIRUSTAGONLY: is too long/)
})

t.test('a message is handed over below the line for scanners', { skip: missing }, async (t) => {
  for (const { program } of clients) {
    for (const size of [0, 5, 65_537, 500_000]) {
      const message = Buffer.from(`Subject: x\n\n${'0123456789abcde\n'.repeat(size)}`)
      const script = async ({ question, handed, end }: Talk) => {
        const offset = (await question).find(({ tag }) => tag === 'F')?.payload
        t.same(offset, uint64(TOP_LINE.length))
        t.ok(passing.isSealed(handed()))
        const read = readFileSync(`/proc/self/fd/${handed()}`)
        t.ok(read.equals(Buffer.concat([TOP_LINE, message])))
        end(acknowledgement, accept(bodyAt(12), insert('X: y\n'), keep(0, 12)))
      }
      const { run, daemon } = await meet(t, program[0]!, script, { message })
      const tags = daemon.talks[0]?.heard.map(({ tag }) => tag).join('')
      t.match(tags, /^1V*RDEFS\.$/)
      t.equal(run.code, 0, run.logged)
      t.ok(run.text === `X: y\n${message.toString()}`)
    }
  }
})

t.test(
  'a message that is too large for memory is handed over in a file',
  { skip: missing },
  async (t) => {
    for (const { program } of clients) {
      const message = Buffer.concat([
        Buffer.from('Subject: x\n\n'),
        Buffer.alloc(9_000_000, 'a line\n'),
      ])
      const script = async ({ question, handed, end }: Talk) => {
        const offset = (await question).find(({ tag }) => tag === 'F')!.payload.readBigUInt64BE()
        t.notOk(passing.isSealed(handed()))
        t.match(readlinkSync(`/proc/self/fd/${handed()}`), / \(deleted\)$/)
        const read = readFileSync(`/proc/self/fd/${handed()}`)
        t.ok(read.subarray(Number(offset)).equals(message))
        end(acknowledgement, accept(bodyAt(12), insert('X: y\n'), keep(0, 12)))
      }
      const { run } = await meet(t, program[0]!, script, { message })
      t.equal(run.code, 0, run.logged)
      t.ok(run.deliveries[0]?.message.equals(Buffer.concat([Buffer.from('X: y\n'), message])))
    }
  },
)

t.test(
  'only some large messages lie in memory at a time; further ones lie in files',
  { skip: missing },
  async (t) => {
    const message = Buffer.concat([
      Buffer.from('Subject: x\n\n'),
      Buffer.alloc(1_000_000, 'a line\n'),
    ])
    const sealed: boolean[] = []
    let isFull = () => {}
    const full = new Promise<void>((resolve) => {
      isFull = resolve
    })
    const clientsAtOnce = 10
    const script = async ({ question, handed, end }: Talk) => {
      await question
      if (sealed.push(passing.isSealed(handed())) === clientsAtOnce) isFull()
      await full
      end(acknowledgement, accept(bodyAt(12), insert('X: y\n'), keep(0, 12)))
    }
    const daemon = await scriptedDaemon(t, script)
    const runs = Array.from({ length: clientsAtOnce }, () =>
      runSlot({
        program: [onescanc],
        message,
        settings: { QHPSI: 'plugin: eicar', ONESCAN_SOCKET: daemon.socket },
      }),
    )
    for (const { code, text } of await Promise.all(runs)) {
      t.equal(code, 0)
      t.ok(text === `X: y\n${message}`)
    }
    t.equal(sealed.filter(Boolean).length, 8)
  },
)

t.test(
  'a daemon that asks for the message twice, or too late, breaks the protocol',
  { skip: missing },
  async (t) => {
    for (const words of [
      [sendIt, sendIt],
      [acknowledgement, sendIt, heartbeat, sendIt],
    ]) {
      const { run } = await meet(t, onescanc, async ({ question, say }: Talk) => {
        await question
        say(...words)
      })
      wentCold(t, run, /makes no sense/)
    }
  },
)
