#!/usr/bin/env node
// A stand-in for qmail-queue that keeps its contract to the byte (qmail-queue(8),
// notqmail's qmail-queue.c) and delivers into a Maildir: the message with
// qmail's Received line on top into new/, the envelope as it came, to its last
// NUL, into envelopes/ under the same name. Neither appears before both are on
// disk.
//
//   MAILDIR         the Maildir, made beforehand with tmp, new, cur, envelopes
//   STANDIN_RECORD  a file that gets one line of JSON per call: what it was called with
//   STANDIN_EXIT    reads everything, delivers nothing, and ends with this code
//
// Plain JavaScript, so that it runs on every Node; qmail-queue.c is the same, faster.
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const ADDR = 1003 // longest address with its NUL
const code = {
  addressTooLong: 11,
  write: 53,
  read: 54,
  home: 61,
  queueDirectory: 62,
  messageFile: 63,
  envelopeFile: 65,
  link: 66,
  envelopeFormat: 91,
}
const undo = []

function die(exitCode) {
  for (const path of undo) {
    try {
      unlinkSync(path)
    } catch {
      // It was not made.
    }
  }
  process.exit(exitCode)
}

function read(fd, buffer, length = buffer.length) {
  try {
    return readSync(fd, buffer, 0, length, null)
  } catch {
    return die(code.read)
  }
}

function write(fd, bytes) {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
  } catch {
    die(code.write)
  }
}

function create(path, failure) {
  try {
    const fd = openSync(path, 'wx', 0o644)
    undo.push(path)
    return fd
  } catch {
    return die(failure)
  }
}

function settle(fd) {
  try {
    fsyncSync(fd)
    closeSync(fd)
  } catch {
    die(code.write)
  }
}

/** "26 Sep 1995 04:46:54 -0000" */
function date822(date) {
  const [, day, month, year, time] = date.toUTCString().split(' ')
  return `${Number(day)} ${month} ${year} ${time} -0000`
}

/** The envelope's bytes in order; each step takes one. */
function* envelopeBytes() {
  const buffer = Buffer.alloc(65_536)
  for (;;) {
    const count = read(1, buffer)
    if (count === 0) die(code.read)
    yield* buffer.subarray(0, count)
  }
}

/** Up to the last NUL; never asks for a byte behind it. */
function readEnvelope() {
  const bytes = []
  const source = envelopeBytes()
  const next = () => {
    const { value } = source.next()
    bytes.push(value)
    return value
  }
  const address = () => {
    for (let length = 0; length < ADDR; length++) if (next() === 0) return
    die(code.addressTooLong)
  }
  if (next() !== 0x46) die(code.envelopeFormat)
  address()
  for (;;) {
    const letter = next()
    if (letter === 0) return Buffer.from(bytes)
    if (letter !== 0x54) die(code.envelopeFormat)
    address()
  }
}

if (process.env.STANDIN_RECORD) {
  const call = {
    pid: process.pid,
    uid: process.getuid(),
    directory: process.cwd(),
    arguments: process.argv.slice(2),
    environment: { ...process.env },
  }
  appendFileSync(process.env.STANDIN_RECORD, `${JSON.stringify(call)}\n`)
}

const buffer = Buffer.alloc(65_536)
if (process.env.STANDIN_EXIT) {
  while (read(0, buffer) > 0);
  readEnvelope()
  process.exit(Number(process.env.STANDIN_EXIT))
}

const maildir = process.env.MAILDIR
if (!maildir || !existsSync(maildir)) die(code.home)
for (const part of ['tmp', 'new', 'cur', 'envelopes']) {
  if (!existsSync(join(maildir, part))) die(code.queueDirectory)
}

const now = performance.timeOrigin + performance.now() // milliseconds and their fraction
const nanoseconds = String(Math.floor((now % 1000) * 1e6)).padStart(9, '0')
const name = `${Math.floor(now / 1000)}.${nanoseconds}P${process.pid}.stand-in`
const held = join(maildir, 'tmp', name)
const message = create(held, code.messageFile)
const from = `(qmail ${process.pid} invoked by uid ${process.getuid()})`
write(message, Buffer.from(`Received: ${from}; ${date822(new Date(now))}\n`))
for (let count = read(0, buffer); count > 0; count = read(0, buffer)) {
  write(message, buffer.subarray(0, count))
}
settle(message)

const beside = join(maildir, 'envelopes', name)
const envelope = create(beside, code.envelopeFile)
write(envelope, readEnvelope())
settle(envelope)

try {
  linkSync(held, join(maildir, 'new', name))
} catch {
  die(code.link)
}
unlinkSync(held)
