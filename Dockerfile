# Ringfence as one image: the command, the web server and the daemon differ only in what they are started with.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir 'uv>=0.9,<1'
WORKDIR /build
COPY requirements.lock pyproject.toml setup.py README.md workspace.yaml ./
COPY orchestration orchestration
COPY dbt_project dbt_project
COPY expectations expectations
COPY bi bi
COPY docs/terms.md docs/terms.md
ENV UV_COMPILE_BYTECODE=1
RUN python -m venv /opt/ringfence \
    && uv pip install --python /opt/ringfence/bin/python -r requirements.lock \
    && uv pip install --python /opt/ringfence/bin/python --no-deps .

FROM python:3.13-slim
COPY --from=build /opt/ringfence /opt/ringfence
RUN useradd --create-home --uid 10001 ringfence && install -d -o ringfence -g ringfence -m 0711 /data
USER ringfence
ENV PATH=/opt/ringfence/bin:$PATH RINGFENCE_HOME=/data
VOLUME /data
WORKDIR /data
ENTRYPOINT ["ringfence"]
CMD ["status"]
