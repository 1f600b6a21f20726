import { text } from 'node:stream/consumers'
import { answerRequest, problemAnswer } from '../../desk/api-answer.ts'
import {
  ANSWER_COMMAND,
  type ApiAnswerHead,
  type ApiRequest,
} from '../../protocol/quarantine-api/exchange.ts'
import { PROBLEM_JSON } from '../../protocol/quarantine-api/problems.ts'
import { printsJson } from '../command/cli-options.ts'
import { makeCommand } from '../command/run-command.ts'
import { writeOut } from '../command/terminal.ts'
import { addDirectoryOption, withQuarantine } from './directory.ts'

/** `onescan quarantine answer`: answers a request that onescand has got over HTTP. */
export const answerCommand = makeCommand('quarantine answer', {
  command: ANSWER_COMMAND[1],
  describe: '',
  builder: (yargs) => addDirectoryOption(yargs).option('json', printsJson),
  async work({ directory }) {
    const request = JSON.parse(await text(process.stdin)) as ApiRequest
    const { status, body, headers, needsReload } = await withQuarantine(directory, (root) =>
      answerRequest(root, request),
    ).catch(problemAnswer)
    const type = status < 400 ? 'application/json' : PROBLEM_JSON
    const head: ApiAnswerHead = {
      status,
      headers: { 'Content-Type': type, ...headers },
      ...(needsReload && { needsReload }),
    }
    await writeOut(`${JSON.stringify(head)}\n`)
    await writeOut(Buffer.isBuffer(body) ? body : `${JSON.stringify(body)}\n`)
    return 0
  },
})
