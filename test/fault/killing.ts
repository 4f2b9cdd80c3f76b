// A daemon killed in the middle of what it does: before a chosen system call.

import { readFileSync } from 'node:fs'

import { Command } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { until } from '../kit/until.ts'

/** Runs `args`; the daemon dies before the `number`th `call` of its main thread, if it comes to that. */
export async function killedAt(engine: Gantryd, call: string, number: number, args: readonly string[]) {
  const inject = `inject=${call}:signal=SIGKILL:when=${number}`
  await using tracer = new Command(['strace', '-p', String(engine.pid), '-e', `trace=${call}`, '-e', inject])
  await until(() => tracer.stderr.includes('attached'), { what: () => tracer.stderr })
  const { code } = await engine.docker(args)
  tracer.kill('SIGINT')
  await tracer.finish()
  const dead = await until(() => isGone(engine.pid), { timeout: 200, every: 5 }).catch(() => false)
  return { acknowledged: code === 0, dead }
}

/** True if a process has ended, waited for by its parent or not. */
function isGone(pid: number): boolean {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\)/, ''))
  } catch {
    return true
  }
}
