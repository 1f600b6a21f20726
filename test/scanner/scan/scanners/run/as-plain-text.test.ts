import t from 'tap'
import type {
  ContentSample,
  Sample,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { asPlainText } from '../../../../../src/scanner/scan/scanners/run/as-plain-text.ts'
import { inChunksOf } from '../../../../mail/message/bytes.ts'
import { sample, scanTask } from '../clamd/task.ts'
import { planOf } from './scanning.ts'

const run = planOf([])
const message = sample(Buffer.from('Subject: x\n\n'))
const content = (text: string): ContentSample => ({
  ...sample(Buffer.from(text, 'latin1')),
  kind: 'content',
  message,
})

const messageOf = (one: Sample) => one.kind === 'content' && one.message

/** What scanners are asked about; undefined if they are not asked. */
function asText(bytes: Sample): Promise<string | undefined> {
  return asPlainText(bytes, { ...run, ...scanTask().task }, async (text) => {
    const gathered = text.bytes.gather()
    t.equal(text.bytes.size, gathered.length)
    t.equal(messageOf(text), messageOf(bytes))
    return gathered.toString('latin1')
  })
}

/** The same bytes in chunks of this size. */
function inPieces(text: string, size: number): ContentSample {
  return { ...content(text), bytes: inChunksOf(size, Buffer.from(text, 'latin1')) }
}

t.test('each line that begins as a field has a blank before it, and no other one', async (t) => {
  const lines = [
    ['From: a', ' From: a'],
    ['From a@example.org Thu Jan  1', ' From a@example.org Thu Jan  1'],
    ['>From a@example.org', ' >From a@example.org'],
    ['X-Apparently-To : b', ' X-Apparently-To : b'],
    ['http://example.org', ' http://example.org'],
    ['Hello: \xe9', ' Hello: \xe9'],
    ['', ''],
    ['  Subject: y', '  Subject: y'],
    ['From now on', ' From now on'],
    ['Fromage', 'Fromage'],
    ['a word: two', 'a word: two'],
    [`${'x'.repeat(200)}From: a`, `${'x'.repeat(200)}From: a`],
  ] as const
  const text = lines.map(([line]) => `${line}\n`).join('')
  const wanted = lines.map(([, line]) => `${line}\n`).join('')
  for (const size of [1, 2, 3, 5, 7, 64, 79, 80, 81, 200, 1000]) {
    t.equal(await asText(inPieces(text, size)), wanted, `chunks of ${size}`)
    t.equal(await asText(inPieces(`${text}Date: now`, size)), `${wanted} Date: now`)
  }
})

t.test('a part that may be a file is not scanned as a text', async (t) => {
  const files = [
    '<html>',
    ' \n{\\rtf1',
    '#!/bin/sh',
    '%PDF-1.4',
    'From: a\n\nx%PDF-1.4',
    `${'x'.repeat(300)}%PDF-1.4`,
    'PK\x03\x04',
    'text\0',
    `From: a${' '.repeat(250)}ustar`,
  ]
  for (const file of files) {
    t.equal(await asText(content(file)), undefined, JSON.stringify(file))
    for (const size of [1, 2, 3, 4, 5]) t.equal(await asText(inPieces(file, size)), undefined)
    t.ok(await asText(sample(Buffer.from(file, 'latin1'))), 'the whole message is mail')
  }
  t.equal(await asText(content('plain\r\n\ttext\f')), 'plain\r\n\ttext\f')
})

t.test('nothing is asked once the message is late', async (t) => {
  const { task, abort } = scanTask()
  abort()
  const long = sample(Buffer.alloc(1024 * 1024, 'a line\n'))
  t.equal(await asPlainText(long, { ...run, ...task }, async () => 'asked'), undefined)
})

t.test('a scanner that needs a file gets one, which ends with the call', async (t) => {
  const { readFileSync, existsSync } = await import('node:fs')
  let path = ''
  await asPlainText(content('From: a\n'), { ...run, ...scanTask().task }, async (text) => {
    path = (await text.file()).path
    t.equal(readFileSync(path, 'latin1'), ' From: a\n')
  })
  t.notOk(existsSync(path))
})
