import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Fault } from '../../../../src/ground/errors/fault.ts'
import {
  loadAttachmentRules,
  parseAttachmentRules,
} from '../../../../src/scan/scanners/attachments/attachments.ts'

const faultOf = (text: string): string => {
  try {
    parseAttachmentRules(text, 'rules')
    return 'none'
  } catch (error) {
    return error instanceof Fault && error.kind === 'config'
      ? error.message
      : `not a fault: ${error}`
  }
}

t.test('rules are names, types and content, one a line', async (t) => {
  const rules = parseAttachmentRules(
    '# what we ban\n\nname *.EXE\r\nname  invoice ??.doc  \ntype audio/*\ncontent executable\n',
    'rules',
  )
  t.ok(rules.bansName('a.exe') && rules.bansName('INVOICE 01.doc'))
  t.notOk(rules.bansName('invoice 1.doc') || rules.bansName('a.exe.txt'))
  t.ok(rules.bansType('audio/ogg'))
  t.notOk(rules.bansType('video/ogg'))
  t.ok(rules.bansExecutables)
  t.notOk(parseAttachmentRules('name *.exe', 'rules').bansExecutables)
})

t.test('the error of a line that is no rule has its number', async (t) => {
  for (const line of ['*.exe', 'name', 'name ', 'names *.exe', 'content program', ' # comment']) {
    t.match(faultOf(`name *.exe\n${line}\n`), /^BADATTACHMENTS rules: line 2 must be /, line)
  }
})

t.test('a file without a rule is a fault', async (t) => {
  for (const text of ['', '\n', '# name *.exe\n']) t.match(faultOf(text), /holds no rule/)
})

t.test('a file that cannot be read is a fault', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'directory'))
  writeFileSync(join(directory, 'rules'), 'name *.exe\n')
  for (const [name, message] of [
    ['missing', /cannot be read \(E/],
    ['directory', /cannot be read \(.*directory is not a regular file\)/],
  ] as const) {
    await t.rejects(loadAttachmentRules(join(directory, name)), { message }, name)
  }
  t.ok((await loadAttachmentRules(join(directory, 'rules'))).bansName('a.exe'))
})
