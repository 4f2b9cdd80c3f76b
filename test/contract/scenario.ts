// A scenario is a list of shell commands; its transcript on two engines must be the same.

import type { Result } from '../kit/command.ts'
import type { Engine } from '../kit/engine.ts'

/** Commands by what they show. Each runs in `sh` in a directory with the fixtures, with the engine in DOCKER_HOST. */
export type Scenarios = Readonly<Record<string, readonly string[]>>

/** One command and what came of it. */
export interface Step extends Result {
  readonly command: string
}

/** Runs the commands in order, then removes every container they left. */
export async function perform(engine: Engine, commands: readonly string[]): Promise<Step[]> {
  const steps: Step[] = []
  for (const command of commands) {
    // timeout(1) ends the whole pipeline and says so by exit status 124, which then is in the transcript.
    const result = await engine.run(['timeout', '--kill-after=1', '20', 'sh', '-c', command], { cwd: engine.scratch })
    steps.push({ command, ...result })
  }
  await engine.removeContainers()
  return steps
}

/** Indexes of steps that this host does not let dockerd take: its own root lacks a capability, as in some containers. */
export function impossible(steps: readonly Step[]): ReadonlySet<number> {
  return new Set(
    steps.flatMap((step, index) => (/unable to apply caps/.test(step.stderr + step.stdout) ? [index] : [])),
  )
}

/** Steps as text, for a comparison line by line. */
export function transcript(steps: readonly Step[]): string {
  return steps.map(stepText).join('\n')
}

function stepText({ command, code, stdout, stderr }: Step): string {
  const errors = stderr.replace(/^(?=.)/gm, '! ')
  return `$ ${command}\n${ended(stdout)}${ended(errors)}exit status ${code}\n`
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}
