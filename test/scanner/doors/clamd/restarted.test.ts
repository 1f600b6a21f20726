import { connect } from 'node:net'
import t from 'tap'
import { freePort } from '../../../programs/host/free-port.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { until } from '../../../run/until.ts'
import { startOnescand } from '../../daemon/process.ts'
import { inStream } from './rig.ts'

/** Asks by INSTREAM. */
async function ask(port: number, content: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let reply = ''
  socket.on('data', (chunk) => {
    reply += chunk.toString('latin1')
  })
  socket.write(inStream(content))
  await new Promise((resolve) => socket.on('close', resolve))
  return reply
}

t.test(
  'what clamd called clean is scanned again after it was restarted with other settings',
  { skip: clamdMissing },
  async (t) => {
    const signatures = t.testdir({})
    const socket = `${socketDirectory(t)}/clamd`
    const lenient = await startClamd(t, { socket, signatures })
    const port = await freePort()
    const { log } = await startOnescand(t, {
      settings: { QHPSI: 'plugin: clamd', CLAMD: socket, CLAMDBDIR: signatures },
      args: ['--clamd', `inet:127.0.0.1:${port}`],
    })
    const cards = Buffer.from('378282246310005\n371449635398431\n4012888888881881\n')
    await until(async () => {
      t.equal(await ask(port, cards), 'stream: OK\0')
      return / scan=cached /.test(log.at(-1)!)
    }, 'the answer is cached')
    await lenient.stop()
    await startClamd(t, { socket, signatures, structuredDataDetection: true })
    const found = /Heuristics\.Structured\.CreditCardNumber FOUND/
    await until(async () => found.test(await ask(port, cards)), 'it is scanned again')
  },
)
