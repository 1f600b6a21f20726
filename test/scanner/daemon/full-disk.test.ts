import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, unlinkSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { attempt } from '../../../src/base/errors/fault.ts'
import { bytes } from '../../cases/case.ts'
import { buildStage } from '../../cases/stage.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { inStream } from '../doors/clamd/rig.ts'
import { submitTo } from '../doors/milter/submit.ts'
import { cannotMount, mountSmall } from '../doors/slot/small-disk.ts'
import { startOnescand } from './process.ts'

/** What happens to large mail while TMPDIR takes no bytes, at the doors of onescand. */

/** A part that is too large for memory once it is decoded. */
const large = bytes(
  'Subject: x\nMIME-Version: 1.0\nContent-Type: application/octet-stream\n' +
    `Content-Transfer-Encoding: base64\n\n${`${'QUJD'.repeat(19)}\n`.repeat(60_000)}`,
)
const small = bytes('Subject: x\n\nhello\n')

/** How a directory stops taking bytes, and how an administrator mends it. */
const troubles: Readonly<
  Record<string, { begin(path: string): void; end(path: string): void; logged: RegExp }>
> = {
  'is full': {
    begin(path) {
      const fd = openSync(join(path, 'fill'), 'w')
      while (attempt(() => writeSync(fd, Buffer.alloc(4096)))); // until there is no room
      closeSync(fd)
    },
    end: (path) => unlinkSync(join(path, 'fill')),
    logged: /cannot write the spool file in TMPDIR: no space left.*; free space or inodes there/,
  },
  'is read-only': {
    begin: (path) => void execFileSync('mount', ['-o', 'remount,ro', path]),
    end: (path) => void execFileSync('mount', ['-o', 'remount,rw', path]),
    logged: /cannot create a spool file in \/\S+ \(TMPDIR\): read-only file system/,
  },
}

for (const [what, { begin, end, logged }] of Object.entries(troubles)) {
  // promise: rule-7-temporary
  t.test(
    `while TMPDIR ${what}, large mail is deferred, and other mail is scanned`,
    { skip: cannotMount },
    async (t) => {
      const TMPDIR = mountSmall(t, join(buildStage(t).directory, 'small'), '8m')
      const at = socketDirectory(t)
      const [milter, clamd] = [join(at, 'm'), join(at, 'c')]
      const onescand = await startOnescand(t, {
        args: ['--milter', `unix:${milter}`, '--clamd', `unix:${clamd}`],
        settings: { QHPSI: 'plugin: eicar', TMPDIR },
      })
      const ask = (message: Buffer) => {
        const socket = connect(clamd)
        socket.write(inStream(message))
        return text(socket)
      }
      begin(TMPDIR)
      const { outcome, reply } = await submitTo(milter, { message: large })
      t.match([outcome, reply], ['deferred', /^451 4\.3\.0 /])
      t.match(await ask(large), /ERROR/)
      const variables = { QHPSI: 'plugin: eicar', TMPDIR }
      t.match(await onescand.ask({ message: large, variables }), {
        does: 'go standalone',
        reason: logged,
      })
      t.equal(onescand.log.filter((line) => logged.test(line)).length, 2, onescand.log.join('\n'))
      t.match(await submitTo(milter, { message: small }), { outcome: 'delivered' })
      t.match(await ask(small), /: OK/)
      end(TMPDIR)
      t.same(readdirSync(TMPDIR), [], 'nothing is left')
      t.match(await submitTo(milter, { message: large }), { outcome: 'delivered' })
      t.match(await ask(large), /: OK/)
    },
  )
}
