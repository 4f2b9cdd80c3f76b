// GET /containers/{id}/top: the host's ps, shown for the container's processes.

import type { ContainerTopResponse } from '../api/types/container.ts'
import { conflict, invalid } from '../lib/errors.ts'
import { runProgram } from './run-program.ts'
import { cgroupOf } from './cgroup.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import type { Container } from './model.ts'
import { checkNotRestarting } from './pause.ts'

/** Runs `ps` with the client's arguments (`-ef` by default) and keeps the lines of the container. */
export async function top(
  engine: Pick<Engine, 'settings' | 'cgroups' | 'events'>,
  container: Container,
  psArguments: string,
): Promise<ContainerTopResponse> {
  checkNotRestarting(container)
  if (!container.isRunning) throw conflict(`container ${container.id} is not running`)
  const words = splitArguments(psArguments)
  const pids = engine.cgroups.pids(cgroupOf(engine, container))
  const { status, stdout, stderr } = await runProgram('ps', words)
  if (status !== 0) throw invalid(`ps: ${stderr.split('\n', 1)[0] || `exit status ${status}`}`)
  containerEvent(engine, container, 'top')
  return selectProcesses(stdout, new Set(pids))
}

// One may choose columns, but not what is listed: an option with a value of pid would say something else.
function splitArguments(text: string): string[] {
  if (text.includes('\0')) throw invalid('ps arguments contain a NUL byte')
  const words = text.split(/\s+/).filter(word => word !== '')
  const columns = words.some(word => /pid.*[=,]|=.*pid/i.test(word) && /\bpid=/.test(word))
  if (columns) throw invalid(`ps arguments ${JSON.stringify(text)} rename the PID column: leave its title as it is`)
  return words
}

/** Picks the header and the lines whose PID is in `pids` out of what ps printed. */
export function selectProcesses(output: string, pids: ReadonlySet<number>): ContainerTopResponse {
  const [header = '', ...lines] = output.split('\n').filter(line => line.trim() !== '')
  const Titles = header.trim().split(/\s+/)
  const column = Titles.indexOf('PID')
  if (column === -1) throw invalid("Couldn't find PID field in ps output")
  const Processes = lines
    .map(line => splitColumns(line, Titles.length))
    .filter(fields => pids.has(Number(fields[column])))
  return { Titles, Processes }
}

// The last column has the rest of the line, spaces and all.
function splitColumns(line: string, count: number): string[] {
  const fields = line.trim().split(/\s+/)
  return [...fields.slice(0, count - 1), fields.slice(count - 1).join(' ')]
}
