// The registry's own program, which needs no engine.

import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../registry/main.ts', import.meta.url))

/** Runs it in place of this program, with these arguments; never returns. */
export function becomeRegistry(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const node = process.execPath
  process.execve?.(node, [node, ...process.execArgv, program, ...args], { ...env })
  return 0
}
