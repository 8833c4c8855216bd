# The service in a container, without root (docs/service.md):
#
#   docker build -t bouncewise .
#   docker run -v bouncewise:/var/lib/bouncewise -p 127.0.0.1:8025:8025 bouncewise
#   docker run -v bouncewise:/var/lib/bouncewise bouncewise status
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG EXTRAS=service,sender
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY docs docs
COPY src src
RUN python -m venv /opt/bouncewise \
    && /opt/bouncewise/bin/pip install --no-cache-dir --disable-pip-version-check ".[${EXTRAS}]"

FROM python:${PYTHON}-slim
COPY --from=build /opt/bouncewise /opt/bouncewise
COPY examples/docker/bouncewise.toml /etc/bouncewise/bouncewise.toml
RUN useradd --system --uid 10001 --home-dir /var/lib/bouncewise --shell /usr/sbin/nologin bouncewise \
    && install -d -o bouncewise -g bouncewise -m 0700 /var/lib/bouncewise
ENV PATH=/opt/bouncewise/bin:$PATH \
    BOUNCEWISE_CONFIG=/etc/bouncewise/bouncewise.toml \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/bouncewise
VOLUME /var/lib/bouncewise
EXPOSE 8025 8026
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8025/healthz', timeout=4)"]
ENTRYPOINT ["bouncewise"]
CMD ["serve"]
