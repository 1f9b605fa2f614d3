# One image for everything: jobs, models, and every other command of `sluice`, over the project in this repository (docs/running.md).
#   docker build -t sluice .
#   docker run --rm --env-file prod.env sluice job run customer
# A project of your own has a Dockerfile from `sluice init`.

# The Node of the development dependency `node` in package.json, a test holds the two together.
ARG NODE_VERSION=26.10.0

FROM node:${NODE_VERSION}-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No install scripts: nothing here needs one, and none is trusted with the image.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN node scripts/build.mjs

FROM node:${NODE_VERSION}-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:${NODE_VERSION}-slim
# The target of commands that name none; --target or another value wins.
ENV NODE_ENV=production SLUICE_TARGET=prod
WORKDIR /app
COPY --from=dependencies /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY bin ./bin
COPY package.json project.yml ./
COPY jobs ./jobs
COPY models ./models
COPY macros ./macros
COPY seeds ./seeds
COPY tests/data ./tests/data
# All that is written to: compiled SQL and artifacts, and what the embedded target keeps. Mount them where the file system is read-only.
RUN ln -s /app/bin/sluice.mjs /usr/local/bin/sluice && mkdir target .sluice && chown node:node target .sluice
USER node
ENTRYPOINT ["sluice"]
CMD ["--help"]
