export const usage = `usage: onescan-queue [PROGRAM [ARG...]]
       onescan-queue --check | --help | --version

Takes the place of qmail-queue: reads a message from descriptor 0 and its envelope from
descriptor 1, has the message scanned as QHPSI says, and becomes PROGRAM, or the program
of QUEUECHAIN, or the real qmail-queue. With --check it reads no message, and tries whether
mail would be scanned by these variables. See onescan-queue(8); by hand, use onescan inject.
`
