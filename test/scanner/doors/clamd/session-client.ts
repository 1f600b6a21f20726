import { once } from 'node:events'
import { connect } from 'node:net'
import { inStream } from './rig.ts'

/** Asks about contents in one session (IDSESSION). Resolves to the replies without their numbers, in order. */
export async function repliesTo(path: string, contents: readonly Buffer[]): Promise<string[]> {
  const socket = connect(path)
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  socket.write('zIDSESSION\0')
  for (const content of contents) socket.write(inStream(content))
  while (heard.split('\0').length <= contents.length) await once(socket, 'data')
  socket.destroy()
  const replies: string[] = []
  for (const reply of heard.split('\0').slice(0, contents.length)) {
    const [, number, words] = /^([0-9]+): (.*)$/s.exec(reply)!
    replies[Number(number) - 1] = words!
  }
  return replies
}

/** Sends these bytes by a connection of their own. Resolves to all that is replied until it is closed. */
export async function wholeReplyTo(path: string, request: Buffer): Promise<string> {
  const socket = connect(path)
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  socket.write(request)
  await once(socket, 'close')
  return heard
}
