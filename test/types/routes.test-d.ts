import { describe, test } from 'node:test'
import swagger from '@fastify/swagger'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { expectTypeOf } from 'expect-type'
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import {
  type AccessTokenClaims,
  type FastifyRefreshTokenOptions,
  type SecurityScheme,
  securitySchemes
} from 'fastify-refresh-token'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { Type } from 'typebox'
import { z } from 'zod'

interface Credentials {
  username: string
  password: string
}

const app = fastify()

describe('guards with route types', () => {
  test('keep the generics of the route', () => {
    app.post<{ Body: Credentials; Params: { id: string }; Reply: { ok: boolean } }>(
      '/:id',
      { preHandler: [app.authenticate, app.authorize('write')] },
      async (request, reply) => {
        expectTypeOf(request.body).toEqualTypeOf<Credentials>()
        expectTypeOf(request.params.id).toEqualTypeOf<string>()
        expectTypeOf(request.user).toEqualTypeOf<AccessTokenClaims | null>()
        // @ts-expect-error
        reply.send({ ok: 'yes' })
        return { ok: true }
      }
    )
    app.get<{ Querystring: { page: number } }>('/', { onRequest: app.authenticate }, async ({ query }) => {
      expectTypeOf(query.page).toEqualTypeOf<number>()
    })
  })

  test('keep the types of Zod', () => {
    const zod = app
      .withTypeProvider<ZodTypeProvider>()
      .setValidatorCompiler(validatorCompiler)
      .setSerializerCompiler(serializerCompiler)
    zod.post(
      '/zod',
      {
        preHandler: [zod.authenticate, zod.authorize((user) => user.sub !== '')],
        schema: {
          body: z.object({ n: z.coerce.number() }),
          response: { 200: z.object({ doubled: z.number() }) }
        }
      },
      async (request) => {
        expectTypeOf(request.body.n).toEqualTypeOf<number>()
        expectTypeOf(request.user).toEqualTypeOf<AccessTokenClaims | null>()
        const user = await request.authenticate()
        expectTypeOf(user.sub).toEqualTypeOf<string>()
        return { doubled: request.body.n * 2 }
      }
    )
  })

  test('keep the types of TypeBox', () => {
    const typebox = app.withTypeProvider<TypeBoxTypeProvider>().setValidatorCompiler(TypeBoxValidatorCompiler)
    typebox.post(
      '/typebox',
      { preHandler: typebox.authenticate, schema: { body: Type.Object({ n: Type.Number() }) } },
      async (request, reply) => {
        expectTypeOf(request.body.n).toEqualTypeOf<number>()
        expectTypeOf(request.user?.sid).toEqualTypeOf<string | undefined>()
        return reply.startSession({ sub: request.user?.sub ?? '' })
      }
    )
  })
})

describe('login', () => {
  type Login = NonNullable<FastifyRefreshTokenOptions['login']>

  test('can have the request type of its schema', () => {
    expectTypeOf<
      (request: FastifyRequest<{ Body: Credentials }>) => Promise<{ sub: string } | null>
    >().toExtend<Login>()
    expectTypeOf<
      (request: FastifyRequest<{ Querystring: { tenant: string }; Headers: { 'x-device': string } }>) => null
    >().toExtend<Login>()
    expectTypeOf<(request: Credentials) => null>().not.toExtend<Login>()
  })

  test('can return a reply', () => {
    expectTypeOf<() => Promise<FastifyReply | { sub: string } | null>>().toExtend<Login>()
    expectTypeOf<() => Promise<FastifyReply | { id: string }>>().not.toExtend<Login>()
  })

  test('has a body of type unknown by default', () => {
    const options: FastifyRefreshTokenOptions = {
      secret: '',
      login(request) {
        expectTypeOf(request.body).toEqualTypeOf<unknown>()
        return null
      }
    }
    expectTypeOf(options.secret).toEqualTypeOf<FastifyRefreshTokenOptions['secret']>()
  })
})

describe('securitySchemes', () => {
  test('have a type that @fastify/swagger accepts', () => {
    app.register(swagger, { openapi: { components: { securitySchemes: securitySchemes() } } })
    app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        components: {
          securitySchemes: {
            ...securitySchemes({ transport: 'header' }),
            key: { type: 'http', scheme: 'basic' }
          }
        }
      }
    })
  })

  test('accept all or some options of the plugin', () => {
    const options: FastifyRefreshTokenOptions = { secret: '' }
    securitySchemes(options)
    securitySchemes({ cookie: { name: 'a' } })
    // @ts-expect-error
    securitySchemes({ cookies: {} })
    expectTypeOf(securitySchemes().bearerAuth).toEqualTypeOf<SecurityScheme>()
    expectTypeOf(securitySchemes()).not.toHaveProperty('refreshToken')
  })
})
