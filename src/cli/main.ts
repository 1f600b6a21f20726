import yargs from 'yargs'
import about from '../../package.json' with { type: 'json' }
import { errorText } from '../fault.ts'
import { checkCommand } from './check/check.ts'
import { trialsCommand } from './check/trials.ts'
import { injectCommand } from './inject/inject.ts'
import { keygenCommand } from './keygen.ts'
import { pluginCommand } from './plugin.ts'
import { printable } from './printable.ts'
import { quotaCommand } from './quota/quota.ts'
import { FAILED } from './run-command.ts'
import { scanCommand } from './scan/scan.ts'
import { signCommand } from './sign.ts'
import { disableCommand, enableCommand } from './switch.ts'
import { verifyCommand } from './verify.ts'

process.exitCode = FAILED // until a command has done its work
process.stdout.on('error', stopQuietly)

void yargs(process.argv.slice(2))
  .scriptName('onescan')
  .locale('en')
  .usage('$0 COMMAND\n\nScan each message once, anywhere in your cluster. See onescan(1).')
  .command(checkCommand)
  .command(trialsCommand)
  .command(injectCommand)
  .command(scanCommand)
  .command(signCommand)
  .command(verifyCommand)
  .command(keygenCommand)
  .command(disableCommand)
  .command(enableCommand)
  .command(quotaCommand)
  .command(pluginCommand)
  .demandCommand(1, 'Name a command.')
  .strict()
  .version(about.version)
  .help()
  .wrap(Math.min(process.stdout.columns ?? 80, 100))
  .fail(complain)
  .parseAsync()

/** Commands tell their own errors: what comes here is about the words of the command line. */
function complain(message: string | null, error: Error | undefined): never {
  const text = message ?? errorText(error)
  const help = 'Try "onescan --help", or --help behind a command.'
  process.stderr.write(`${printable(`onescan: ${text}\n${help}`)}\n`)
  process.exit(FAILED)
}

/** The reader of our output has left (`| head`): nothing more can be told. */
function stopQuietly(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EPIPE') throw error
  process.exit(FAILED)
}
