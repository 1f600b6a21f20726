import t from 'tap'
import { PROPERTIES } from '../../../../src/base/settings/table/findings.ts'
import { type Environment, playEveryValue } from '../../../cases/every-value.ts'
import { inStream, openClamdDoor } from './rig.ts'

const isProperty = (what: string) => PROPERTIES.some((property) => property === what)

/**
 * A client decides itself. It receives what was found, or an error if there is no result, and never an answer
 * that only a mail server could carry out.
 */
function wordForClients(what: string, word: string, env: Environment): string {
  if (what === 'malware' || isProperty(what)) {
    return [`${what}=accept`, `${what}=tag`].includes(env.FINDINGS ?? '') ? 'accept' : 'refuse'
  }
  // Mail outside these sizes is still scanned as the file that it is, whose limits are those of UNREAD.
  const isFile = env.QHPSIMINSIZE === '1G' || env.QHPSIMAXSIZE === '1'
  if (isFile && isOfFile.includes(what)) return 'refuse'
  if (what === 'unknown' || what.startsWith('too large')) return 'defer'
  if (what === 'encrypted mail' && word === 'defer') return 'refuse'
  if (word === 'quarantine') return 'refuse'
  return word === 'clean' || word === 'tag' ? 'accept' : word
}

const isOfFile = ['too large unpacked', 'nested too deep', 'too much inside']

// promise: found-is-found
t.test('clients of clamd get what was found, whatever the settings are', async (t) => {
  await playEveryValue(
    t,
    async (t, settings, scan) => {
      const door = await openClamdDoor(t, settings, { scan, contentKind: 'mails' })
      return {
        log: door.log,
        async send(message) {
          const reply = await door.ask(inStream(message))
          if (reply.endsWith(' ERROR\0')) return { outcome: 'deferred' }
          return {
            outcome:
              reply === 'stream: OK\0'
                ? 'untagged'
                : reply.endsWith(' FOUND\0')
                  ? 'refused'
                  : reply,
          }
        },
      }
    },
    wordForClients,
  )
})
