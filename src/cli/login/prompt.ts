// Asking a person for a name and a password.

import { createInterface } from 'node:readline/promises'
import type { Context } from '../verb.ts'
import { PlainFailure } from '../verb.ts'

/** A line that is typed, without spaces around it. */
export async function ask(context: Context, question: string): Promise<string> {
  using lines = createInterface({ input: context.stdin, output: context.stdout })
  return (await lines.question(question)).trim()
}

/** The same, which the terminal does not show. */
export async function askSecret({ stdin, stdout }: Context, question: string): Promise<string> {
  stdout.write(question)
  stdin.setRawMode?.(true)
  try {
    return await readSecret(stdin)
  } finally {
    stdin.setRawMode?.(false)
    stdin.pause()
    stdout.write('\n')
  }
}

const [interrupt, endOfInput, backspace, erase] = ['\u0003', '\u0004', '\b', '\u007F']

function readSecret(stdin: Context['stdin']): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let typed: string[] = []
  const end = (last: () => void) => {
    stdin.off('data', take)
    last()
  }
  const take = (chunk: Buffer) => {
    for (const character of chunk.toString()) {
      if (character === interrupt) return end(() => reject(new PlainFailure('')))
      if (['\r', '\n', endOfInput].includes(character)) return end(() => resolve(typed.join('')))
      typed = [backspace, erase].includes(character) ? typed.slice(0, -1) : [...typed, character]
    }
  }
  stdin.on('data', take)
  stdin.once('end', () => resolve(typed.join('')))
  stdin.resume()
  return promise
}
