import type { Binding, BindingStore, StoredBindings } from '../dum/handlers/registration.ts'
import type { StoreCheck } from './user-store.ts'

/**
 * What every store of bindings must do, to be run by whatever runs an application's tests:
 * `for (const { title, run } of bindingStoreChecks(store)) test(title, run)`. The store is empty, or holds nothing of
 * `check.invalid`, and what is written of that is taken away again.
 */
export function bindingStoreChecks(store: BindingStore): StoreCheck[] {
  return [
    {
      title: 'knows nothing of an address of record that was never written',
      run: async () => {
        for (const aor of [aorOf('nobody'), '', '__proto__', 'constructor', `${'x'.repeat(10_000)}`])
          demand((await store.read(aor)).bindings.length === 0, `bindings of ${aor.slice(0, 40)} were found`)
      },
    },
    {
      title: 'gives back what was written, in its order and with every part of it',
      run: () =>
        cleaned(store, 'whole', async aor => {
          const bindings = [
            full('<sip:a@192.0.2.1>;q=0.5'),
            plain('<sip:b@192.0.2.2>'),
            full('<sip:c@[2001:db8::1]>'),
          ]
          await written(store, aor, bindings)
          sameBindings((await store.read(aor)).bindings, bindings)
        }),
    },
    {
      title: 'takes names whatever their characters are, and does not mix up those that are alike',
      run: async () => {
        const names = ['Ann', 'ann', 'ann ', "o'neil", '%', 'a_b', 'a%b', 'é', 'a\u0000b', '../../ann', '"']
        for (const name of names)
          await written(store, aorOf(name), [plain(`<sip:${names.indexOf(name)}@192.0.2.1>`)])
        try {
          for (const name of names) {
            const { bindings } = await store.read(aorOf(name))
            sameBindings(bindings, [plain(`<sip:${names.indexOf(name)}@192.0.2.1>`)])
          }
        } finally {
          for (const name of names) await removed(store, aorOf(name))
        }
      },
    },
    {
      title: 'refuses a write of an old version, and changes nothing by it',
      run: () =>
        cleaned(store, 'version', async aor => {
          const before = await store.read(aor)
          await written(store, aor, [plain('<sip:a@192.0.2.1>')])
          const late = await store.write(aor, [plain('<sip:late@192.0.2.1>')], before.version)
          demand(late === false, 'a write of the version before the present one was taken')
          sameBindings((await store.read(aor)).bindings, [plain('<sip:a@192.0.2.1>')])
        }),
    },
    {
      title: 'changes the version with each write',
      run: () =>
        cleaned(store, 'versions', async aor => {
          const seen = new Set<number>([(await store.read(aor)).version])
          for (const port of [1, 2, 3]) {
            await written(store, aor, [plain(`<sip:a@192.0.2.1:${port}>`)])
            seen.add((await store.read(aor)).version)
          }
          demand(seen.size === 4, 'two states of the same bindings had one version')
        }),
    },
    {
      title: 'lets one of many win that write the same version at once',
      run: () =>
        cleaned(store, 'race', async aor => {
          const { version } = await store.read(aor)
          const tries = Array.from({ length: 20 }, (_, at) => [plain(`<sip:${at}@192.0.2.1>`)])
          const won = await Promise.all(tries.map(bindings => store.write(aor, bindings, version)))
          const winners = tries.filter((_, at) => won[at] === true)
          demand(winners.length === 1, `${winners.length} of 20 writes of one version were taken`)
          sameBindings((await store.read(aor)).bindings, winners[0] ?? [])
        }),
    },
    {
      title: 'keeps what it was given, whatever becomes of the array',
      run: () =>
        cleaned(store, 'copy', async aor => {
          const given = [plain('<sip:a@192.0.2.1>')]
          await written(store, aor, given)
          given.length = 0
          demand((await store.read(aor)).bindings.length === 1, 'what was written is gone with the array')
        }),
    },
    ...(store.watch === undefined ? [] : [watches(store, store.watch.bind(store))]),
  ]
}

function watches(store: BindingStore, watch: NonNullable<BindingStore['watch']>): StoreCheck {
  return {
    title: 'tells who watches of each change, until he does no more',
    run: () =>
      cleaned(store, 'watched', async aor => {
        const told: string[] = []
        const stop = watch((changed, bindings) => {
          if (changed === aor) told.push(bindings.map(({ contact }) => contact).join())
        })
        await written(store, aor, [plain('<sip:a@192.0.2.1>')])
        await settled(() => told.length === 1)
        stop()
        await written(store, aor, [plain('<sip:b@192.0.2.1>')])
        demand(told.join('|') === '<sip:a@192.0.2.1>', `told was ${JSON.stringify(told)}`)
      }),
  }
}

/** What is told may come a while after the write. */
async function settled(isDone: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !isDone(); turn++) await new Promise(resolve => setImmediate(resolve))
}

async function cleaned(
  store: BindingStore,
  name: string,
  act: (aor: string) => Promise<void>,
): Promise<void> {
  const aor = aorOf(name)
  try {
    await act(aor)
  } finally {
    await removed(store, aor)
  }
}

async function written(store: BindingStore, aor: string, bindings: readonly Binding[]): Promise<void> {
  const { version }: StoredBindings = await store.read(aor)
  demand(await store.write(aor, bindings, version), 'a write of the present version was refused')
}

async function removed(store: BindingStore, aor: string): Promise<void> {
  await written(store, aor, [])
  demand((await store.read(aor)).bindings.length === 0, 'bindings are left that were taken away')
}

function aorOf(name: string): string {
  return `sip:${name}@check.invalid`
}

/** Far off, so that no store finds it expired. */
const LATER = 32_503_680_000_000

function plain(contact: string): Binding {
  return {
    contact,
    expiresAt: LATER,
    updatedAt: 1,
    callId: 'call@host',
    cseq: 7,
    q: 1,
    path: '',
    source: 'udp 192.0.2.1:5060',
    userAgent: '',
    publicGruu: '',
    temporaryGruus: [],
  }
}

function full(contact: string): Binding {
  return {
    ...plain(contact),
    q: 0.5,
    path: '<sip:edge.example.com;lr;ob>',
    instance: 'urn:uuid:00000000-0000-1000-8000-000000000001',
    regId: 2,
    userAgent: 'Téléphone "1"',
    publicGruu: 'sip:a@example.com;gr=urn:uuid:1',
    temporaryGruus: ['sip:t1@example.com;gr', 'sip:t2@example.com;gr'],
  }
}

function sameBindings(found: readonly Binding[], expected: readonly Binding[]): void {
  demand(textOf(found) === textOf(expected), `expected ${textOf(expected)}, found ${textOf(found)}`)
}

/** Parts in one order, whatever order a store keeps them in. */
function textOf(bindings: readonly Binding[]): string {
  return JSON.stringify(
    bindings.map(binding => Object.entries(binding).sort(([one], [other]) => (one < other ? -1 : 1))),
  )
}

function demand(holds: boolean, problem: string): void {
  if (!holds) throw new Error(problem)
}
