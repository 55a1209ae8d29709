# One image for the API (`serve`, the default), the worker (`worker`) and `migrate`.

FROM python:3.11-slim-bookworm AS build
WORKDIR /opt/scm-api
COPY requirements-image.lock ./
# Wheels only: nothing is compiled, so neither stage needs a compiler.
RUN python -m venv venv \
    && venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements-image.lock \
    && venv/bin/pip uninstall --yes --quiet setuptools pip
COPY alembic.ini ./
COPY migrations migrations
COPY src src
RUN echo /opt/scm-api/src > "$(venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/scm_api.pth" \
    && printf '#!/bin/sh\nexec /opt/scm-api/venv/bin/python -m scm_api "$@"\n' > venv/bin/scm-api \
    && chmod 755 venv/bin/scm-api \
    && venv/bin/python -m compileall -q src migrations

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="scm-api" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY LICENSE /opt/scm-api/LICENSE
COPY --from=build /opt/scm-api /opt/scm-api
ENV PATH=/opt/scm-api/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SCM_HOST=0.0.0.0
WORKDIR /tmp
# A number, so that Kubernetes' runAsNonRoot can check it; the account need not exist.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 CMD ["scm-api", "health"]
ENTRYPOINT ["scm-api"]
CMD ["serve"]
