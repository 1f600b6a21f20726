// Loaded into the daemon before anything else (node --import): turns of the event loop that the
// program waits for come late and in another order, now and then, as on a busy machine. What
// may happen between an await and what follows then does.
import fs from 'node:fs'

/** Of turns and reads; the others come at once. */
const SHARE = 0.5
const MOST = 6 // milliseconds

const { setImmediate: soon, setTimeout: later } = globalThis
const isLate = () => Math.random() < SHARE

globalThis.setImmediate = (callback, ...args) =>
  isLate() ? later(callback, Math.random() * MOST, ...args) : soon(callback, ...args)

for (const name of ['read', 'open', 'fstat', 'write', 'close']) {
  const original = fs[name]
  fs[name] = (...args) =>
    isLate() ? later(() => original(...args), Math.random() * MOST) : original(...args)
}
