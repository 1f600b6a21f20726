import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A shell of root's in a directory tree of its own, with all processes that it leaves behind. */
export interface Session {
  /** One or more commands, as typed; what they print, and the exit code of the last. */
  type(commands: string): Promise<{ readonly code: number; readonly output: string }>
  end(): Promise<void>
}

const MARK = '\x01'
/** Where a client is that is not this host, as the rules of tcpserver see it. */
export const CLIENT = '198.51.100.7'
const SERVER = '192.0.2.1'

/**
 * `apart` has no network but its own loopback, with the addresses of a server and a client:
 * whatever listens there is in nobody's way.
 */
export function openSession(root: string, apart: boolean): Session {
  const addresses = [SERVER, CLIENT].map((ip) => `ip address add ${ip}/32 dev lo`).join(' && ')
  const network = apart ? `ip link set lo up && ${addresses} && ` : ''
  const enter = `hostname mail.example.org && ${network}mount --rbind /dev "$1/dev" && exec chroot "$1" /bin/sh`
  const namespaces = [
    '--mount',
    '--pid',
    '--uts',
    '--fork',
    '--kill-child',
    ...(apart ? ['--net'] : []),
  ]
  const words = [...namespaces, `--mount-proc=${root}/proc`, '/bin/sh', '-c', enter, 'sh', root]
  const child = spawn('unshare', words, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LC_ALL: 'C.UTF-8',
      DEBIAN_FRONTEND: 'noninteractive',
    },
  })
  let text = ''
  let look = () => {}
  let leave = () => {}
  child.once('exit', () => leave())
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    text += piece
    look()
  })
  child.stdin.write('exec 2>&1\ncd /root\n')
  return {
    type(commands) {
      writeFileSync(join(root, 'tmp/typed'), `${commands}\n`)
      child.stdin.write(`. /tmp/typed </dev/null; printf '${MARK}%d${MARK}' $?\n`)
      return new Promise((resolve, reject) => {
        look = () => {
          const [whole, output, code] = /^([^\x01]*)\x01(\d+)\x01/.exec(text) ?? []
          if (whole === undefined) return
          text = text.slice(whole.length)
          resolve({ code: Number(code), output: output! })
        }
        leave = () => reject(new Error(`the shell has ended: ${text}`))
        look()
      })
    },
    async end() {
      leave = () => {}
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
