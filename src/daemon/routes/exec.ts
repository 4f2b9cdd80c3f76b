// Handlers of the operations on processes added to containers.

import { type Handlers, empty, hijack, json, outputType } from '../../api/handler.ts'
import type { execRoutes } from '../../api/routes/exec.ts'
import type { Engine } from '../../container/engine.ts'
import {
  checkExecStart,
  createExec,
  findExec,
  inspectExec,
  resizeExec,
  startAttached,
  startDetached,
} from '../../container/exec.ts'
import { invalid } from '../../lib/errors.ts'

/** A handler for each operation on execs. */
export function execHandlers(engine: Engine): Pick<Handlers, keyof typeof execRoutes> {
  return {
    async ContainerExec({ params, body }) {
      const exec = createExec(engine, engine.containers.get(params.name), body, { name: params.name })
      return json({ Id: exec.id }, 201)
    },

    async ExecStart({ params, body, version }) {
      const exec = findExec(engine, params.id)
      checkExecStart(exec)
      if (body.ConsoleSize) {
        if (!exec.request.Tty) throw invalid('console size is only supported when a TTY is allocated')
        const [rows, columns] = body.ConsoleSize
        exec.size = { rows, columns }
      }
      const { AttachStdin, AttachStdout, AttachStderr, Tty } = exec.request
      if (body.Detach || !(AttachStdin || AttachStdout || AttachStderr)) {
        await startDetached(engine, exec)
        return empty(200)
      }
      return hijack({
        contentType: outputType(Tty, version),
        run: socket => startAttached(engine, exec, socket),
      })
    },

    async ExecResize({ params, query }) {
      resizeExec(findExec(engine, params.id), { rows: query.h, columns: query.w })
      return empty(200)
    },

    ExecInspect: async ({ params }) => json(inspectExec(findExec(engine, params.id))),
  }
}
