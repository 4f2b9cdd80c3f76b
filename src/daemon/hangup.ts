// SIGHUP as a request to reload: one at a time, and none is missed.

/** Calls `reload` for SIGHUP. Those that come meanwhile ask for one more afterwards. `reload` must not reject. */
export function onHangup(reload: () => Promise<void>): Disposable {
  let wanted = false
  let busy = false
  const listener = async () => {
    wanted = true
    if (busy) return
    busy = true
    while (wanted) {
      wanted = false
      await reload()
    }
    busy = false
  }
  process.on('SIGHUP', listener)
  return { [Symbol.dispose]: () => void process.off('SIGHUP', listener) }
}
